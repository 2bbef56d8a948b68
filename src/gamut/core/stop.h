// SPDX-License-Identifier: Apache-2.0
// The stop flag: Ctrl-C (SIGINT) or SIGTERM asks the running work to finish its step; a second one ends at
// once.
#pragma once

namespace gamut {

void install_stop_handler();  // call once from main
bool stop_requested();        // poll at safe points
void request_stop();          // what the handler does; for tests
void clear_stop();            // for tests

}  // namespace gamut
