// SPDX-License-Identifier: Apache-2.0
#include "gamut/run/child_process.h"

#include "gamut/core/error.h"
#include "gamut/core/program.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

extern char** environ;

namespace gamut::run {
namespace {

// Strings with the array of pointers that exec takes, made before fork: a child may not allocate.
class Words {
 public:
  explicit Words(std::vector<std::string> words) : words_(std::move(words)) {
    for (std::string& word : words_) pointers_.push_back(word.data());
    pointers_.push_back(nullptr);
  }
  char* const* data() const { return pointers_.data(); }

 private:
  std::vector<std::string> words_;
  std::vector<char*> pointers_;
};

Words environment_with(const std::map<std::string, std::string>& more) {
  std::vector<std::string> words;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!more.contains(text.substr(0, text.find('=')))) words.push_back(text);
  }
  for (const auto& [name, value] : more) words.push_back(cat(name, "=", value));
  return Words(std::move(words));
}

int open_log(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (descriptor < 0)
    throw EnvironmentError("sweep",
                           cat("cannot write '", path.string(), "'; got '", std::strerror(errno), "'"));
  return descriptor;
}

ChildEnd end_of(int status) {
  return {.code = WIFEXITED(status) ? WEXITSTATUS(status) : 0,
          .ended_by = WIFSIGNALED(status) ? WTERMSIG(status) : 0};
}

// In the child: only calls that are safe after fork.
[[noreturn]] void become(pid_t parent, const Words& words, const Words& environment, int in, int out,
                         int err) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(143);  // it died before the kernel knew
  if (::dup2(in, 0) >= 0 && ::dup2(out, 1) >= 0 && ::dup2(err, 2) >= 0)
    ::execve("/proc/self/exe", words.data(), environment.data());
  ::_exit(126);
}

}  // namespace

pid_t start_child(const ChildCommand& command) {
  std::vector<std::string> args{program_argument()};  // for the commands that it prints
  args.insert(args.end(), command.args.begin(), command.args.end());
  const Words words(std::move(args)), environment = environment_with(command.environment);
  const int in = ::open("/dev/null", O_RDONLY | O_CLOEXEC), out = open_log(command.out),
            err = command.err == command.out ? out : open_log(command.err);
  const pid_t parent = ::getpid(), child = ::fork();
  if (child == 0) become(parent, words, environment, in, out, err);
  const int error_number = errno;
  for (const int descriptor : {in, out}) ::close(descriptor);
  if (err != out) ::close(err);
  if (child < 0)
    throw EnvironmentError("sweep", cat("cannot start a process; got '", std::strerror(error_number),
                                        "'; lower the number of jobs"));
  return child;
}

std::optional<ChildEnd> poll_child(pid_t child) {
  int status = 0;
  if (::waitpid(child, &status, WNOHANG) != child) return std::nullopt;
  return end_of(status);
}

ChildEnd wait_for_child(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return end_of(status);
}

}  // namespace gamut::run
