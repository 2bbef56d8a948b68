// SPDX-License-Identifier: Apache-2.0
#include "gamut/comm/group.h"

#include "gamut/comm/link.h"
#include "gamut/comm/watch.h"
#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/core/names.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <unistd.h>

namespace gamut::comm {
namespace {

constexpr int64_t kBucket = int64_t{16} << 20;  // bytes that travel at once

// How long rank 0 stays after a failure when it keeps the store, so that the others can read why.
constexpr auto kLinger = std::chrono::milliseconds(1500);

std::string host() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? printable(name, 64) : "unknown host";
}

// Ends a process that waits for a group that is no more: its wait may last until the timeout.
void end_in_vain(const std::string& why) {
  log_error(cat("[comm] ", why, "; the last checkpoint is whole"));
  std::_Exit(static_cast<int>(ExitCode::kEnvironment));
}

// Consecutive tensors of one type, up to kBucket bytes of them.
std::vector<std::vector<at::Tensor>> buckets(const std::vector<at::Tensor>& tensors) {
  std::vector<std::vector<at::Tensor>> out;
  int64_t bytes = 0;
  for (const at::Tensor& tensor : tensors) {
    const int64_t size = int64_t(tensor.nbytes());
    if (out.empty() || bytes + size > kBucket || out.back().back().scalar_type() != tensor.scalar_type()) {
      out.emplace_back();
      bytes = 0;
    }
    out.back().push_back(tensor);
    bytes += size;
  }
  return out;
}

at::Tensor flat(const std::vector<at::Tensor>& bucket) {
  std::vector<at::Tensor> parts;
  for (const at::Tensor& tensor : bucket) parts.push_back(tensor.detach().reshape(-1));
  return at::cat(parts).to(at::kCPU).contiguous();
}

void unflatten(const at::Tensor& from, const std::vector<at::Tensor>& bucket) {
  int64_t begin = 0;
  for (const at::Tensor& tensor : bucket) {
    tensor.detach().copy_(from.narrow(0, begin, tensor.numel()).view(tensor.sizes()));
    begin += tensor.numel();
  }
}

}  // namespace

Group::Group() = default;

Group::Group(const Place& place, double timeout_seconds) : place_(place) {
  if (is_one()) return;
  link_ = comm::join(place, timeout_seconds);
  watch_ = std::make_unique<Watch>(place, link_->words(), name(), end_in_vain);
}

std::unique_ptr<Group> Group::join(const Place& place, double timeout_seconds) {
  std::unique_ptr<Group> group(new Group(place, timeout_seconds));
  group->barrier();
  return group;
}

// After a failure calls of c10d may be under way that end with the timeout alone: they are left to the
// process's end.
Group::~Group() {
  if (!failed_) return;
  static_cast<void>(link_.release());
  static_cast<void>(watch_.release());
}

std::string Group::name() const { return cat("rank ", rank(), " (", host(), ", process ", ::getpid(), ")"); }

void Group::enter(const std::string& phase) {
  if (watch_) watch_->enter(phase);
}

void Group::tell_failure(const std::string& what) noexcept {
  if (!watch_ || failed_) return;
  failed_ = true;
  watch_->tell_failure(what);
  if (leads() && !place_.launcher_keeps_store) std::this_thread::sleep_for(kLinger);
}

template <class Call>
void Group::together(const Call& call) {
  try {
    watch_->begin_wait();
    call();
    watch_->end_wait();
  } catch (const std::exception& error) {
    const std::string got = error.what();
    const std::string why = watch_->explain(printable(got.substr(0, got.find('\n')), 200));
    failed_ = true;
    if (leads() && !place_.launcher_keeps_store) std::this_thread::sleep_for(kLinger);
    throw EnvironmentError("comm", cat(why, "; the last checkpoint is whole"));
  }
}

void Group::sum(const std::vector<at::Tensor>& tensors) {
  if (is_one() || tensors.empty()) return;
  const at::NoGradGuard no_grad;
  const std::vector<std::vector<at::Tensor>> all = buckets(tensors);
  std::vector<at::Tensor> travelling;
  for (const std::vector<at::Tensor>& bucket : all) travelling.push_back(flat(bucket));
  together([&] { link_->reduce(travelling, Reduce::kSum); });
  for (size_t i = 0; i < all.size(); ++i) unflatten(travelling[i], all[i]);
}

void Group::sum_at(const std::vector<at::Tensor>& tensors, const std::vector<int64_t>& owners) {
  if (is_one() || tensors.empty()) return;
  GAMUT_CHECK(tensors.size() == owners.size(), tensors.size(), " tensors, ", owners.size(), " owners");
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> travelling;
  for (const at::Tensor& tensor : tensors) travelling.push_back(flat({tensor}));
  together([&] { link_->sum_at(travelling, owners); });
  for (size_t i = 0; i < tensors.size(); ++i)
    if (owners[i] == rank()) unflatten(travelling[i], {tensors[i]});
}

void Group::max(at::Tensor& tensor) {
  if (is_one()) return;
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> one{flat({tensor})};
  together([&] { link_->reduce(one, Reduce::kMax); });
  unflatten(one.front(), {tensor});
}

void Group::broadcast(const std::vector<at::Tensor>& tensors) {
  if (is_one()) return;
  const at::NoGradGuard no_grad;
  for (const std::vector<at::Tensor>& bucket : buckets(tensors)) {
    at::Tensor travelling = flat(bucket);
    together([&] { link_->broadcast(travelling); });
    unflatten(travelling, bucket);
  }
}

at::Tensor Group::gather_rows(const at::Tensor& rows) {
  if (is_one()) return rows;
  const at::NoGradGuard no_grad;
  const at::Tensor own = rows.detach().to(at::kCPU).contiguous();
  std::vector<at::Tensor> counts, padded;
  together([&] { counts = link_->gather(at::full({1}, own.size(0), at::kLong)); });
  int64_t most = 0;
  for (const at::Tensor& count : counts) most = std::max(most, count.item<int64_t>());
  if (most == 0) return own;
  std::vector<int64_t> shape = own.sizes().vec();
  shape[0] = most;
  const at::Tensor mine = at::zeros(shape, own.options());
  mine.narrow(0, 0, own.size(0)).copy_(own);
  together([&] { padded = link_->gather(mine); });
  for (size_t rank = 0; rank < padded.size(); ++rank)
    padded[rank] = padded[rank].narrow(0, 0, counts[rank].item<int64_t>());
  return at::cat(padded);
}

std::vector<std::string> Group::gather(const std::string& text) {
  if (is_one()) return {text};
  const at::Tensor own = at::empty({int64_t(text.size())}, at::kByte);
  std::copy(text.begin(), text.end(), static_cast<char*>(own.data_ptr()));
  const at::Tensor lengths = gather_rows(at::full({1}, int64_t(text.size()), at::kLong)),
                   all = gather_rows(own);
  std::vector<std::string> texts;
  const char* begin = static_cast<const char*>(all.const_data_ptr());
  for (int64_t rank = 0; rank < size(); ++rank) {
    const size_t length = size_t(lengths[rank].item<int64_t>());
    texts.emplace_back(begin, length);
    begin += length;
  }
  return texts;
}

std::string Group::from_first(const std::string& text) { return gather(leads() ? text : "").front(); }

bool Group::any(bool own) {
  if (is_one()) return own;
  at::Tensor flag = at::full({1}, own ? 1 : 0, at::kLong);
  max(flag);
  return flag.item<int64_t>() > 0;
}

void Group::barrier() { any(false); }

}  // namespace gamut::comm
