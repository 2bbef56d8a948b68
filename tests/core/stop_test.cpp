// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/stop.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>

namespace gamut {
namespace stop_test {

TEST(stop, flag_is_set_and_cleared) {
  clear_stop();
  EXPECT_FALSE(stop_requested());
  request_stop();
  EXPECT_TRUE(stop_requested());
  clear_stop();
  EXPECT_FALSE(stop_requested());
}

// The handlers live and die in child processes.
TEST(stop, first_signal_only_sets_the_flag) {
  for (const int signal_number : {SIGINT, SIGTERM}) {
    const auto child = [&] {
      install_stop_handler();
      const bool before = stop_requested();
      std::raise(signal_number);
      std::_Exit(!before && stop_requested() ? 7 : 1);
    };
    EXPECT_EXIT(child(), ::testing::ExitedWithCode(7), "") << signal_number;
  }
}

TEST(stop, second_signal_ends_at_once) {
  const auto child = [](int first, int second) {
    install_stop_handler();
    std::raise(first);
    std::raise(second);
    std::_Exit(7);
  };
  EXPECT_EXIT(child(SIGINT, SIGINT), ::testing::KilledBySignal(SIGINT), "");
  EXPECT_EXIT(child(SIGINT, SIGTERM), ::testing::KilledBySignal(SIGTERM), "");
}

}  // namespace stop_test
}  // namespace gamut
