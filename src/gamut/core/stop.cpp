// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/stop.h"

#include <atomic>
#include <csignal>

namespace gamut {
namespace {

std::atomic<bool> stop_flag{false};
static_assert(std::atomic<bool>::is_always_lock_free, "the handler may only touch lock-free atomics");

// Second signal: back to the default action, so that the shell sees the process die from it.
void on_signal(int signal_number) {
  if (stop_flag.exchange(true)) {
    std::signal(signal_number, SIG_DFL);
    std::raise(signal_number);
  }
}

}  // namespace

void install_stop_handler() {
  struct sigaction action = {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;  // reads and writes in progress go on
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool stop_requested() { return stop_flag.load(std::memory_order_relaxed); }
void request_stop() { stop_flag = true; }
void clear_stop() { stop_flag = false; }

}  // namespace gamut
