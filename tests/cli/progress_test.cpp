// SPDX-License-Identifier: Apache-2.0
// What a run says while it trains: on a terminal, in a file, as JSON, not at all.
#include "cli/micro.h"
#include "cli/run_program.h"

#include <gtest/gtest.h>
#include <fcntl.h>
#include <pty.h>

#include <algorithm>
#include <cstdlib>

namespace gamut::testing {
namespace progress_test {

using nlohmann::json;

// Everything the program wrote to a terminal of 200 columns.
std::string on_a_terminal(std::vector<std::string> args) {
  args.insert(args.begin(), GAMUT_PROGRAM);
  std::vector<char*> words;
  for (std::string& arg : args) words.push_back(arg.data());
  words.push_back(nullptr);
  winsize size{.ws_row = 50, .ws_col = 200, .ws_xpixel = 0, .ws_ypixel = 0};
  int terminal = -1;
  const pid_t child = ::forkpty(&terminal, nullptr, nullptr, &size);
  if (child == 0) {
    ::setenv("TERM", "xterm", 1);
    ::setenv("OMP_NUM_THREADS", "1", 1);
    if (::chdir(GAMUT_SOURCE_DIR) == 0) ::execv(GAMUT_PROGRAM, words.data());
    ::_exit(126);
  }
  std::string text(size_t{1} << 16, '\0');
  std::string all;
  ssize_t count = 0;
  while ((count = ::read(terminal, text.data(), text.size())) > 0) all.append(text, 0, size_t(count));
  ::close(terminal);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0) << all;
  return all;
}

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

// Not in a container or chroot without /dev/pts.
bool has_terminals() {
  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY);
  if (terminal >= 0) ::close(terminal);
  return terminal >= 0;
}

TEST(progress, is_one_line_on_a_terminal) {
  if (!has_terminals()) GTEST_SKIP() << "no pseudo-terminals: /dev/pts is not mounted";
  const Micro micro;
  const std::string text = on_a_terminal(micro.train("run"));
  EXPECT_GE(count(text, "\r\x1b[2Kstep 4/4, "), 1u) << text;
  EXPECT_GE(count(text, " images/s"), 4u) << text;
  EXPECT_GE(count(text, "▁") + count(text, "█"), 4u) << text;
  // Results begin on a line of their own.
  EXPECT_NE(text.find(" images/s\r\n"), std::string::npos) << text;
}

TEST(progress, is_plain_lines_elsewhere) {
  const Micro micro;
  const Ran ran = gamut(micro.train("run"));
  EXPECT_EQ(ran.err.find('\x1b'), std::string::npos);
  EXPECT_NE(ran.err.find("\nstep 1/4, "), std::string::npos) << ran.err;
  EXPECT_EQ(gamut(micro.train("quiet", {"--quiet"})).err, "");
}

TEST(progress, is_json_on_request) {
  const Micro micro;
  const Ran ran = gamut(micro.train("run", {"--json-log"}));
  std::vector<json> steps;
  std::istringstream lines(ran.err);
  for (std::string line; std::getline(lines, line);) {
    const json row = json::parse(line);
    EXPECT_TRUE(row.at("time").is_number());
    EXPECT_TRUE(row.at("message").is_string());
    if (row.value("event", "") == "step") steps.push_back(row);
  }
  ASSERT_EQ(steps.size(), 1u);
  const json metrics = io::read_json_lines(micro / "run/metrics.jsonl").at(0);
  EXPECT_EQ(steps[0].at("step"), 1);
  EXPECT_EQ(steps[0].at("reward"), metrics.at("reward_mean"));
  EXPECT_EQ(steps[0].at("group_distance"), metrics.at("group_distance"));

  const Ran failed = gamut(micro.train("run", {"--json-log"}));
  const json error = json::parse(failed.err);
  EXPECT_EQ(error.at("level"), "error");
  EXPECT_EQ(error.at("exit_code"), 2);
  EXPECT_TRUE(error.at("message").get<std::string>().starts_with("[run] the run folder"));
}

}  // namespace progress_test
}  // namespace gamut::testing
