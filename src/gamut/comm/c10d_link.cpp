// SPDX-License-Identifier: Apache-2.0
// The link by c10d's TCPStore and ProcessGroupGloo, as torch.distributed makes them in Python.
#include "gamut/comm/link.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"

#define USE_C10D_GLOO  // LibTorch has it: cmake/LibTorch.cmake asked
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <csignal>

namespace gamut::comm {
namespace {

using Milliseconds = std::chrono::milliseconds;
using Store = c10::intrusive_ptr<c10d::Store>;

std::vector<uint8_t> bytes(const std::string& text) { return {text.begin(), text.end()}; }
std::string text(const std::vector<uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

class StoreWords : public Words {
 public:
  explicit StoreWords(Store store) : store_(std::move(store)) {}
  void set(const std::string& key, const std::string& value) override { store_->set(key, bytes(value)); }
  std::optional<std::string> find(const std::string& key) override {
    if (!store_->check({key})) return std::nullopt;
    return text(store_->get(key));
  }
  std::string claim(const std::string& key, const std::string& value) override {
    return text(store_->compareSet(key, {}, bytes(value)));
  }
  std::unique_ptr<Words> clone() override { return std::make_unique<StoreWords>(store_->clone()); }

 private:
  Store store_;
};

class C10dLink : public Link {
 public:
  C10dLink(const Store& store, const Place& place, Milliseconds timeout)
      : size_(place.size),
        words_(c10::make_intrusive<c10d::PrefixStore>("words", store)),
        gloo_(c10::make_intrusive<c10d::ProcessGroupGloo>(
            c10::make_intrusive<c10d::PrefixStore>("gloo", store), int(place.rank), int(place.size),
            c10d::ProcessGroupGloo::Options::create_default(timeout))) {}

  Words& words() override { return words_; }

  void reduce(std::vector<at::Tensor>& tensors, Reduce how) override {
    c10d::AllreduceOptions options;
    options.reduceOp = how == Reduce::kSum ? c10d::ReduceOp::SUM : c10d::ReduceOp::MAX;
    std::vector<c10::intrusive_ptr<c10d::Work>> works;
    for (const at::Tensor& tensor : tensors) {
      std::vector<at::Tensor> one{tensor};
      works.push_back(gloo_->allreduce(one, options));
    }
    for (const auto& work : works) work->wait();
  }

  // Gloo's reduce_scatter is an all-reduce of which each keeps its slice; a reduction to each owner sends
  // less.
  void sum_at(std::vector<at::Tensor>& tensors, const std::vector<int64_t>& owners) override {
    std::vector<c10::intrusive_ptr<c10d::Work>> works;
    for (size_t i = 0; i < tensors.size(); ++i) {
      c10d::ReduceOptions options;
      options.reduceOp = c10d::ReduceOp::SUM;
      options.rootRank = owners[i];
      std::vector<at::Tensor> one{tensors[i]};
      works.push_back(gloo_->reduce(one, options));
    }
    for (const auto& work : works) work->wait();
  }

  void broadcast(at::Tensor& tensor) override {
    std::vector<at::Tensor> one{tensor};
    gloo_->broadcast(one)->wait();
  }

  std::vector<at::Tensor> gather(const at::Tensor& tensor) override {
    std::vector<at::Tensor> input{tensor};
    std::vector<std::vector<at::Tensor>> output(1);
    for (int64_t rank = 0; rank < size_; ++rank) output[0].push_back(at::empty_like(tensor));
    gloo_->allgather(output, input)->wait();
    return output[0];
  }

 private:
  int64_t size_;
  StoreWords words_;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo_;
};

// LibTorch's messages carry a C++ stack and an explanation; the first line says what happened.
std::string first_line(const std::string& message) {
  return printable(message.substr(0, message.find('\n')), 300);
}

}  // namespace

bool has_link() { return true; }

std::unique_ptr<Link> join(const Place& place, double timeout_seconds) {
  const Milliseconds timeout(int64_t(timeout_seconds * 1000));
  // c10d writes to sockets whose other end may be gone, and counts on Python, which has the call fail instead
  // of ending the process without a word.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    c10d::TCPStoreOptions options;
    options.port = uint16_t(place.port);
    options.isServer = place.rank == 0 && !place.launcher_keeps_store;
    options.numWorkers = size_t(place.size);
    options.waitWorkers = !place.launcher_keeps_store;  // whose store other jobs' words may share
    options.timeout = timeout;
    const Store store = c10::make_intrusive<c10d::TCPStore>(place.address, options);
    store->setTimeout(timeout);
    // What an earlier attempt left in the launcher's store is not this one's.
    return std::make_unique<C10dLink>(
        c10::make_intrusive<c10d::PrefixStore>(cat("gamut/", place.attempt), store), place, timeout);
  } catch (const std::exception& error) {
    throw EnvironmentError("comm",
                           cat("rank ", place.rank, " of ", place.size, " did not find the others by ",
                               printable(place.address), ":", place.port, " within ", timeout_seconds,
                               " s (comm.timeout); got '", first_line(error.what()),
                               "'; were all started, and does MASTER_ADDR name the machine of rank 0?"));
  }
}

}  // namespace gamut::comm
