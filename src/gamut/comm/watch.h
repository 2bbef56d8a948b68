// SPDX-License-Identifier: Apache-2.0
// Who is lost, when a group of processes cannot go on: a thread of each process answers for it, and notices
// that another one failed while this one waits.
#pragma once

#include "gamut/comm/link.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace gamut::comm {

class Watch {
 public:
  // `name`: of this process in messages, "rank 1 (host, process 123)". `on_lost` is called by the thread when
  // this process has waited in vain although the group has ended; it must not return.
  Watch(const Place& place, Words& words, std::string name, std::function<void(const std::string&)> on_lost);
  ~Watch();

  // The phase in which this process is from now on: "rollout of iteration 3".
  void enter(const std::string& phase);
  // Around every wait for the others.
  void begin_wait();
  void end_wait();
  // This process failed by itself: what the others will say. Never throws.
  void tell_failure(const std::string& what) noexcept;
  // Why a wait for the others ended in an exception: one line naming rank and phase, the same in all
  // processes that can still ask. Takes a few seconds at most.
  std::string explain(const std::string& got);

 private:
  std::string ask_all(const std::string& got);  // by words_
  std::string verdict(const std::string& got);
  void publish();
  void look(Words& words);

  Place place_;
  std::shared_ptr<Words> words_;  // of calls from the process's own thread
  std::string name_;
  std::function<void(const std::string&)> on_lost_;
  int64_t waits_ = 0;
  std::string phase_ = "start";
  std::atomic<bool> waiting_{false};
  std::atomic<bool> explaining_{false};
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  std::string last_word_;  // of the store: what the thread saw
  std::chrono::steady_clock::time_point since_{};
  std::thread thread_;
};

}  // namespace gamut::comm
