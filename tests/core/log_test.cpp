// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/log.h"

#include <gtest/gtest.h>

#include <string>

namespace gamut {
namespace {

// What reaches stderr at a level.
std::string logged(LogLevel level) {
  ::testing::internal::CaptureStderr();
  set_log_level(level);
  log_debug("one");
  log_info("two {} 100%");
  log_warning("three");
  set_log_level(LogLevel::kInfo);
  return ::testing::internal::GetCapturedStderr();
}

TEST(log, shows_lines_from_its_level_on) {
  EXPECT_EQ(logged(LogLevel::kDebug), "debug: one\ntwo {} 100%\nwarning: three\n");
  EXPECT_EQ(logged(LogLevel::kInfo), "two {} 100%\nwarning: three\n");
  EXPECT_EQ(logged(LogLevel::kWarning), "warning: three\n");
  EXPECT_EQ(logged(LogLevel::kQuiet), "");
}

TEST(log, leaves_stdout_alone) {
  ::testing::internal::CaptureStdout();
  logged(LogLevel::kDebug);
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
}

}  // namespace
}  // namespace gamut
