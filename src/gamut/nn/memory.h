// SPDX-License-Identifier: Apache-2.0
// Memory that networks free and ask for again at once.
#pragma once

namespace gamut::nn {

// Lets this process keep what it frees, up to 2 GB. By default the C library returns blocks of a few
// megabytes to the system at once and gets them back page by page, zeroed: a tenth of a training step on the
// CPU. May be called often; does nothing where the C library is not glibc.
void keep_freed_memory();

// Gives what was freed back to the system, whatever the above keeps: for after something large that does not
// come again.
void give_freed_memory_back();

}  // namespace gamut::nn
