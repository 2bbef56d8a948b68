// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/cost.h"

#include <ATen/record_function.h>
#include <c10/core/Allocator.h>

#include <atomic>
#include <cstring>

namespace gamut::nn {
namespace {

thread_local FlopCounter* innermost = nullptr;

// Position of the left factor among the arguments; the right one follows. -1: no product of matrices.
int left_factor(const char* name) {
  if (std::strcmp(name, "aten::mm") == 0 || std::strcmp(name, "aten::bmm") == 0) return 0;
  if (std::strcmp(name, "aten::addmm") == 0 || std::strcmp(name, "aten::baddbmm") == 0) return 1;
  return -1;
}

// [..., n, k] times [..., k, m].
std::unique_ptr<at::ObserverContext> count_product(const at::RecordFunction& function) {
  const int left = left_factor(function.name());
  if (left >= 0) {
    const auto factors = function.inputs().slice(size_t(left), 2);
    const at::Tensor &a = factors[0].toTensor(), &b = factors[1].toTensor();
    if (a.is_meta()) count_flops(2.0 * double(a.numel()) * double(b.size(-1)));
  }
  return nullptr;
}

std::atomic<int64_t> live_bytes = 0, peak_bytes = 0;

void forget(void* bytes) { live_bytes -= int64_t(reinterpret_cast<uintptr_t>(bytes)); }

// Gives no memory out. The storage's context, which LibTorch hands back when the storage ends, is its size.
class CountingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    const int64_t now = live_bytes += int64_t(bytes);
    for (int64_t peak = peak_bytes; now > peak && !peak_bytes.compare_exchange_weak(peak, now);) {
    }
    void* const size = reinterpret_cast<void*>(uintptr_t(bytes));  // NOLINT(performance-no-int-to-ptr)
    return {nullptr, size, &forget, c10::Device(c10::kMeta)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &forget; }
  void copy_data(void*, const void*, size_t) const override {}
};

void install_allocator() {
  static CountingAllocator allocator;
  static const bool installed = (c10::SetAllocator(c10::kMeta, &allocator), true);
  static_cast<void>(installed);
}

}  // namespace

FlopCounter::FlopCounter() : outer_(innermost) {
  innermost = this;
  // One observer serves all nested counters.
  if (outer_ == nullptr)
    callback_ = at::addThreadLocalCallback(
        at::RecordFunctionCallback(count_product).needsInputs(true).scopes({at::RecordScope::FUNCTION}));
}

FlopCounter::~FlopCounter() {
  innermost = outer_;
  if (outer_ == nullptr) at::removeCallback(callback_);
}

void count_flops(double flops) {
  for (FlopCounter* counter = innermost; counter != nullptr; counter = counter->outer_)
    counter->total_ += flops;
}

int64_t MetaMemory::live() {
  install_allocator();
  return live_bytes;
}

int64_t MetaMemory::peak() {
  install_allocator();
  return peak_bytes;
}

void MetaMemory::reset_peak() {
  install_allocator();
  peak_bytes = live_bytes.load();
}

}  // namespace gamut::nn
