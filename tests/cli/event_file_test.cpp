// SPDX-License-Identifier: Apache-2.0
// The event file of a whole run, stopped and resumed, by TensorBoard's own reader.
#include "cli/micro.h"
#include "cli/run_program.h"
#include "gamut/io/tf_records.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace gamut::testing {
namespace event_file_test {

fs::path event_file(const fs::path& run) {
  for (const auto& entry : fs::directory_iterator(run))
    if (entry.path().filename().string().starts_with("events.out.tfevents.")) return entry.path();
  return {};
}

size_t events(const fs::path& path) {
  const std::string bytes = read_file(path);
  size_t count = 0, end = 0;
  for (; const auto record = io::record_at(bytes, end); ++count) end = record->end;
  return count;
}

// Exit code of a Python command; 77: what it needs is not installed.
int python(const std::string& script, const fs::path& run) {
  const char* named = std::getenv("GAMUT_TEST_PYTHON");
  const std::string command =
      cat(named != nullptr ? named : "python3", " '", script, "' '", run.string(), "' >&2");
  const int status = std::system(command.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(event_file, holds_what_the_json_files_hold_after_a_resume) {
  const Micro micro;
  ASSERT_EQ(gamut(micro.train("run", {"--set", "iterations=2"})).code, 0);
  ASSERT_EQ(gamut(micro.train("run", {"--resume"})).code, 0);
  const fs::path file = event_file(micro / "run");
  ASSERT_FALSE(file.empty());
  // The version, then one event for each row.
  const size_t rows = io::read_json_lines(micro / "run/metrics.jsonl").size() +
                      io::read_json_lines(micro / "run/evals.jsonl").size();
  EXPECT_EQ(events(file), 1 + rows);
  const int code = python((kSource / "tests/generators/check_event_file.py").string(), micro / "run");
  if (code == 77 || code == 127)
    GTEST_SKIP() << "no tensorboard in Python; name one that has it in GAMUT_TEST_PYTHON";
  EXPECT_EQ(code, 0);
}

}  // namespace event_file_test
}  // namespace gamut::testing
