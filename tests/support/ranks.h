// SPDX-License-Identifier: Apache-2.0
// Runs a function in several processes that form a group by Gloo on this machine, as a launcher would start
// them. The test's own process must not have computed a gradient before: autograd does not survive a fork.
#pragma once

#include "gamut/comm/group.h"
#include "gamut/core/error.h"

#include <ATen/Parallel.h>
#include <arpa/inet.h>
#include <csignal>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace gamut::testing {

inline int64_t free_port() {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (::bind(descriptor, reinterpret_cast<sockaddr*>(&address), length) != 0) return 0;
  ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length);
  ::close(descriptor);
  return ntohs(address.sin_port);
}

// What a process's function returned or threw ("error: …"), and how it ended: its exit code, or minus the
// signal.
struct RankEnd {
  std::string text;
  int code = 0;
  double seconds = 0;
};

using RankBody = std::function<std::string(comm::Group& group)>;

// The processes of one group, for those tests that end them.
class Ranks {
 public:
  Ranks(int64_t size, double timeout, const RankBody& body) : begun_(std::chrono::steady_clock::now()) {
    const int64_t port = free_port();
    for (int64_t rank = 0; rank < size; ++rank) {
      int ends[2];
      if (::pipe(ends) != 0) throw EnvironmentError("test", "no pipe");
      const pid_t pid = ::fork();
      if (pid == 0) {
        ::close(ends[0]);
        run(rank, size, port, timeout, body, ends[1]);
      }
      ::close(ends[1]);
      pids_.push_back(pid);
      pipes_.push_back(ends[0]);
    }
  }
  pid_t pid(size_t rank) const { return pids_[rank]; }
  // In the order of the ranks; kills what has not ended after `seconds`.
  std::vector<RankEnd> wait(double seconds = 120) {
    std::vector<RankEnd> ends(pids_.size());
    std::vector<bool> done(pids_.size(), false);
    for (size_t open = pids_.size(); open > 0; ::usleep(10000))
      for (size_t rank = 0; rank < pids_.size(); ++rank) {
        if (done[rank]) continue;
        const double now = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count();
        if (now > seconds) ::kill(pids_[rank], SIGKILL);
        int status = 0;
        if (::waitpid(pids_[rank], &status, WNOHANG) == 0) continue;
        ends[rank].seconds = now;
        ends[rank].code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
        done[rank] = true;
        --open;
      }
    for (size_t rank = 0; rank < pids_.size(); ++rank) {
      char buffer[4096];
      for (ssize_t count; (count = ::read(pipes_[rank], buffer, sizeof buffer)) > 0;)
        ends[rank].text.append(buffer, size_t(count));
      ::close(pipes_[rank]);
    }
    return ends;
  }

 private:
  // The texts are short: a pipe holds them.
  [[noreturn]] static void run(int64_t rank, int64_t size, int64_t port, double timeout, const RankBody& body,
                               int pipe) {
    std::string text;
    int code = 0;
    at::set_num_threads(1);
    {
      std::unique_ptr<comm::Group> group;
      try {
        group = comm::Group::join(
            {.rank = rank, .size = size, .local_rank = rank, .address = "127.0.0.1", .port = port}, timeout);
        text = body(*group);
        group->barrier();
      } catch (const std::exception& error) {
        text = cat("error: ", error.what());
        if (group) group->tell_failure(error.what());
        code = 1;
      }
      if (::write(pipe, text.data(), text.size()) < 0) code = 2;
    }
    ::_exit(code);
  }
  std::chrono::steady_clock::time_point begun_;
  std::vector<pid_t> pids_;
  std::vector<int> pipes_;
};

inline std::vector<RankEnd> run_ranks(int64_t size, const RankBody& body, double timeout = 60) {
  return Ranks(size, timeout, body).wait();
}

}  // namespace gamut::testing
