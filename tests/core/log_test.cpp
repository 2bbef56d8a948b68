// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/log.h"

#include <gtest/gtest.h>

#include <cmath>
#include <regex>
#include <string>

namespace gamut {
namespace log_test {

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

TEST(log, writes_json_on_request) {
  ::testing::internal::CaptureStderr();
  set_log_format(LogFormat::kJson);
  log_info("a \"word\" {}", {{"step", int64_t{3}}, {"reward", 0.5}, {"bad", std::nan("")}, {"name", "x"}});
  log_warning("not UTF-8: \xFF");
  log_error("[run] over", {{"exit_code", int64_t{4}}});
  set_log_format(LogFormat::kText);
  std::string text = ::testing::internal::GetCapturedStderr();
  text = std::regex_replace(text, std::regex(R"("time":[0-9.e+]+)"), "\"time\":0");
  EXPECT_EQ(text,
            "{\"time\":0,\"level\":\"info\",\"message\":\"a \\\"word\\\" "
            "{}\",\"step\":3,\"reward\":0.5,\"bad\":null,"
            "\"name\":\"x\"}\n"
            "{\"time\":0,\"level\":\"warning\",\"message\":\"not UTF-8: \uFFFD\"}\n"
            "{\"time\":0,\"level\":\"error\",\"message\":\"[run] over\",\"exit_code\":4}\n");
}

// Tests write to no terminal.
TEST(log, shows_progress_as_a_line_off_a_terminal) {
  ::testing::internal::CaptureStderr();
  EXPECT_FALSE(progress_is_live());
  show_progress("half", {{"done", int64_t{1}}});
  end_progress();
  log_error("[x] over");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "half\nerror: [x] over\n");
}

TEST(log, leaves_stdout_alone) {
  ::testing::internal::CaptureStdout();
  logged(LogLevel::kDebug);
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
}

TEST(log, shows_printable_lines_of_a_bounded_length) {
  ::testing::internal::CaptureStderr();
  log_warning("the prompt 'a\nb\x1b[2J'");
  log_info("one\ntwo\x07");
  log_error("[x] one\n[x] \x1b" + std::string(5000, 'm'));
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_TRUE(text.starts_with("warning: the prompt 'a?b?[2J'\none\ntwo?\nerror: [x] one\n[x] ?mmm")) << text;
  EXPECT_LE(text.size(), 1200u);
}

}  // namespace log_test
}  // namespace gamut
