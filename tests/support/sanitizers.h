// SPDX-License-Identifier: Apache-2.0
// Whether the tests run under the address sanitizer, whose heap is its own and wants terabytes of addresses.
#pragma once

namespace gamut::testing {

#ifdef __SANITIZE_ADDRESS__
constexpr bool kAddressSanitizer = true;
#else
constexpr bool kAddressSanitizer = false;
#endif

}  // namespace gamut::testing
