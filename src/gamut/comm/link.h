// SPDX-License-Identifier: Apache-2.0
// What c10d gives a group of processes: a store of words that all read, and collectives. The only part that
// knows c10d.
#pragma once

#include "gamut/comm/place.h"

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gamut::comm {

// A store's functions throw std::exception when it is gone, and may wait for ever when its process was
// stopped.
class Words {
 public:
  virtual ~Words() = default;
  virtual void set(const std::string& key, const std::string& value) = 0;
  virtual std::optional<std::string> find(const std::string& key) = 0;
  // Sets the key unless it is set; what it holds then.
  virtual std::string claim(const std::string& key, const std::string& value) = 0;
  virtual std::unique_ptr<Words> clone() = 0;  // with a connection of its own
};

enum class Reduce { kSum, kMax };

class Link {
 public:
  virtual ~Link() = default;
  virtual Words& words() = 0;
  // In place, over all processes, the same bits in each; tensors are contiguous and on the CPU. Several are
  // on their way together. All of these throw std::exception when a process is lost or late.
  virtual void reduce(std::vector<at::Tensor>& tensors, Reduce how) = 0;
  // The sum of tensor i over all processes, in place in the process owners[i]; elsewhere it is spoiled.
  virtual void sum_at(std::vector<at::Tensor>& tensors, const std::vector<int64_t>& owners) = 0;
  virtual void broadcast(at::Tensor& tensor) = 0;                        // from rank 0
  virtual std::vector<at::Tensor> gather(const at::Tensor& tensor) = 0;  // of equal shapes, by rank
};

// Whether this LibTorch has c10d.
bool has_link();
// Waits for the other processes. EnvironmentError when they do not come, or without c10d.
std::unique_ptr<Link> join(const Place& place, double timeout_seconds);

}  // namespace gamut::comm
