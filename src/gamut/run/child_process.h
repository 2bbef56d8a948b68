// SPDX-License-Identifier: Apache-2.0
// This very program as a child process: its output in a file, and no life beyond its parent's.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gamut::run {

struct ChildCommand {
  std::vector<std::string> args;                   // after the program's name
  std::map<std::string, std::string> environment;  // beside the parent's, overriding it
  std::filesystem::path out, err;                  // appended to; the same path twice is one file
};

// Starts the running program, even if its file was replaced meanwhile, with nothing on stdin and in a process
// group of its own: Ctrl-C in a terminal reaches the parent alone, which asks its children once. When the
// parent's thread ends, killed or not, the kernel sends SIGTERM. EnvironmentError when no process can be
// made.
pid_t start_child(const ChildCommand& command);

struct ChildEnd {
  int code = 0;      // exit code; 0 when a signal ended it
  int ended_by = 0;  // that signal
};
std::optional<ChildEnd> poll_child(pid_t child);  // nothing while it runs
ChildEnd wait_for_child(pid_t child);

}  // namespace gamut::run
