// SPDX-License-Identifier: Apache-2.0
// Runs the built program as a user does, and keeps what it printed.
//
//   const Ran ran = gamut({"sample", "--model", "nowhere"});
//   EXPECT_EQ(ran.code, 4);
//
//   Program program({"train", …}, {}); program.signal(SIGINT); const Ran ran = program.wait();
#pragma once

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace gamut::testing {

struct Ran {
  int code = -1;     // exit code; -1 when a signal ended the program
  int ended_by = 0;  // that signal
  std::string out, err;
};

struct RunOptions {
  std::filesystem::path folder = GAMUT_SOURCE_DIR;  // where it runs
  rlim_t file_size_limit = RLIM_INFINITY;           // bytes, as `ulimit -f` sets it
  rlim_t memory_limit = RLIM_INFINITY;              // bytes of addresses, as `ulimit -v` sets it
  const char* called = "gamut";                     // argv[0]
  const char* input = "/dev/null";                  // file on standard input
  const char* threads = "1";                        // more would only wait for each other on a busy machine
  std::vector<std::pair<const char*, const char*>> environment = {};  // null: unset
};

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class Program {
 public:
  Program(std::vector<std::string> args, const RunOptions& options) {
    std::string pattern = (std::filesystem::temp_directory_path() / "gamut-run-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed for " + pattern);
    folder_ = pattern;
    args.insert(args.begin(), options.called);
    std::vector<char*> words;
    for (std::string& arg : args) words.push_back(arg.data());
    words.push_back(nullptr);
    const std::string out = (folder_ / "out").string(), err = (folder_ / "err").string();
    pid_ = ::fork();
    if (pid_ != 0) return;
    redirect(options.input, O_RDONLY, 0);
    redirect(out.c_str(), O_WRONLY | O_CREAT | O_APPEND, 1);
    redirect(err.c_str(), O_WRONLY | O_CREAT | O_APPEND, 2);
    ::setenv("OMP_NUM_THREADS", options.threads, 1);
    for (const auto& [name, value] : options.environment) value ? ::setenv(name, value, 1) : ::unsetenv(name);
    const rlimit limit{options.file_size_limit, options.file_size_limit};
    if (options.file_size_limit != RLIM_INFINITY) ::setrlimit(RLIMIT_FSIZE, &limit);
    const rlimit memory{options.memory_limit, options.memory_limit};
    if (options.memory_limit != RLIM_INFINITY) ::setrlimit(RLIMIT_AS, &memory);
    if (::chdir(options.folder.c_str()) == 0) ::execv(GAMUT_PROGRAM, words.data());
    ::_exit(126);
  }
  ~Program() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  void signal(int number) const { ::kill(pid_, number); }
  std::string err() const { return read_file(folder_ / "err"); }

  Ran wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = 0;
    return {.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
            .ended_by = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
            .out = read_file(folder_ / "out"),
            .err = err()};
  }

  // Waits until `happened`, at most a minute. False when the program ended or the minute passed before.
  bool wait_until(const std::function<bool()>& happened) const {
    for (int i = 0; i < 30000; ++i) {
      if (happened()) return true;
      siginfo_t info{};
      if (::waitid(P_PID, id_t(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0)
        return happened();
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return false;
  }

 private:
  static void redirect(const char* path, int flags, int to) {
    const int descriptor = ::open(path, flags, 0600);
    if (descriptor < 0 || ::dup2(descriptor, to) < 0) ::_exit(125);
    ::close(descriptor);
  }

  std::filesystem::path folder_;
  pid_t pid_ = 0;
};

inline Ran gamut(const std::vector<std::string>& args, const RunOptions& options = {}) {
  return Program(args, options).wait();
}

}  // namespace gamut::testing
