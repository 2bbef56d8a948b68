// SPDX-License-Identifier: Apache-2.0
// Words in the store, each written once or by its owner alone:
//   at/RANK       how often the rank has waited, its name and its phase; owner
//   failed        what the first rank that failed by itself says
//   incident      set by the first rank whose wait ended in an exception: everybody answers for itself
//   alive/RANK    the answer
//   verdict       who is lost; the first to know says it for all
#include "gamut/comm/watch.h"

#include "gamut/core/error.h"

#include <cstdlib>
#include <future>

namespace gamut::comm {
namespace {

using namespace std::chrono_literals;
constexpr auto kLook = 300ms;     // between two looks of the thread
constexpr auto kAnswer = 1500ms;  // until whoever lives has answered
constexpr auto kAsk = 4s;         // until a store that does not answer is given up
constexpr auto kInVain = 4s;      // that a wait may still last after the group has ended

std::string key(const char* what, int64_t rank) { return cat(what, "/", rank); }

}  // namespace

Watch::Watch(const Place& place, Words& words, std::string name,
             std::function<void(const std::string&)> on_lost)
    : place_(place), words_(words.clone()), name_(std::move(name)), on_lost_(std::move(on_lost)) {
  publish();
  thread_ = std::thread([this, own = std::shared_ptr<Words>(words.clone())] {
    while (true) {
      {
        std::unique_lock lock(mutex_);
        if (stop_.wait_for(lock, kLook, [&] { return stopping_; })) return;
      }
      look(*own);
    }
  });
}

Watch::~Watch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  thread_.join();
}

void Watch::publish() { words_->set(key("at", place_.rank), cat(waits_, " ", name_, "\n", phase_)); }

void Watch::enter(const std::string& phase) {
  phase_ = phase;
  try {
    publish();
  } catch (const std::exception&) {  // the next wait will say so
  }
}

void Watch::begin_wait() {
  ++waits_;
  waiting_ = true;
  publish();
}

void Watch::end_wait() { waiting_ = false; }

void Watch::tell_failure(const std::string& what) noexcept {
  try {
    words_->claim("failed", cat(name_, " failed in ", phase_, ": ", what));
  } catch (const std::exception&) {  // nobody is left to be told
  }
}

// Answers for this process; and where it waits although the group has ended, ends it.
void Watch::look(Words& words) {
  std::string seen;
  try {
    if (const auto failed = words.find("failed"))
      seen = *failed;
    else if (const auto said = words.find("verdict"))
      seen = *said;
    else if (words.find("incident"))
      words.set(key("alive", place_.rank), "1");
  } catch (const std::exception&) {
    seen = place_.launcher_keeps_store ? "the launcher, which keeps the group together, has ended"
                                       : "rank 0, which keeps the group together, has ended";
  }
  if (!seen.empty()) {
    const std::lock_guard lock(mutex_);
    if (last_word_.empty()) last_word_ = seen;
    seen = last_word_;
  }
  const auto now = std::chrono::steady_clock::now();
  if (seen.empty() || !waiting_ || explaining_) return void(since_ = {});
  if (since_ == std::chrono::steady_clock::time_point{}) since_ = now;
  if (now - since_ > kInVain) on_lost_(seen);
}

// Those who do not answer, else those whom the others wait for.
std::string Watch::verdict(const std::string& got) {
  std::vector<std::string> silent, late;
  int64_t most = 0;
  std::vector<std::pair<int64_t, std::string>> reached;
  for (int64_t rank = 0; rank < place_.size; ++rank) {
    const std::string at = words_->find(key("at", rank)).value_or(cat("0 rank ", rank, "\nstart"));
    const size_t space = at.find(' '), line = at.find('\n');
    const std::string who =
        cat(at.substr(space + 1, line - space - 1), ", last seen in ", at.substr(line + 1));
    if (rank != place_.rank && !words_->find(key("alive", rank))) silent.push_back(who);
    reached.emplace_back(std::strtoll(at.c_str(), nullptr, 10), who);
    most = std::max(most, reached.back().first);
  }
  for (const auto& [waits, who] : reached)
    if (waits < most) late.push_back(who);
  const std::vector<std::string>& lost = silent.empty() ? late : silent;
  if (lost.empty()) return cat("the processes lost each other in ", phase_, "; got '", got, "'");
  return cat(lost.front(), lost.size() > 1 ? cat(" (and ", lost.size() - 1, " more)") : "",
             silent.empty() ? ", does not come to where the others wait" : ", has ended or hangs");
}

std::string Watch::ask_all(const std::string& got) {
  if (const auto failed = words_->find("failed")) return *failed;
  words_->claim("incident", name_);
  words_->set(key("alive", place_.rank), "1");
  for (const auto end = std::chrono::steady_clock::now() + kAnswer; std::chrono::steady_clock::now() < end;) {
    if (const auto failed = words_->find("failed")) return *failed;
    if (const auto said = words_->find("verdict")) return *said;
    std::this_thread::sleep_for(50ms);
  }
  return words_->claim("verdict", verdict(got));
}

std::string Watch::explain(const std::string& got) {
  explaining_ = true;
  auto answer = std::make_shared<std::promise<std::string>>();
  std::future<std::string> said = answer->get_future();
  // A store whose process was stopped never answers: this thread is then left behind by a process that ends.
  std::thread([this, got, answer] {
    try {
      answer->set_value(ask_all(got));
    } catch (const std::exception&) {
      answer->set_value("");
    }
  }).detach();
  const bool answered = said.wait_for(kAsk) == std::future_status::ready;
  const std::string text = answered ? said.get() : "";
  if (!text.empty()) return text;
  {
    const std::lock_guard lock(mutex_);
    if (!last_word_.empty()) return last_word_;
  }
  return cat(place_.launcher_keeps_store ? "the launcher" : "rank 0",
             ", which keeps the group together, has ended or hangs (in ", phase_, "); got '", got, "'");
}

}  // namespace gamut::comm
