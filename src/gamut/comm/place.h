// SPDX-License-Identifier: Apache-2.0
// Which process of a group this is, by the variables that torchrun, Kubernetes' PyTorchJob and, with two
// exports, srun and mpirun set: RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace gamut::comm {

struct Place {
  int64_t rank = 0, size = 1;  // of the group
  int64_t local_rank = 0;      // among the processes of this machine; chooses the GPU
  std::string address = {};    // where the group's store is
  int64_t port = 0;
  bool launcher_keeps_store = false;  // torchrun keeps it; else rank 0 does
  int64_t attempt = 0;                // how often torchrun has started the group anew
  bool is_group() const { return size > 1; }
};

using Environment = std::function<const char*(const char* name)>;

// One process where WORLD_SIZE is not set or 1. ConfigError when the variables are incomplete or contradict
// each other.
Place place_in(const Environment& variable);
Place place();  // of this process

// The value of CUDA_VISIBLE_DEVICES with which a process sees its own GPU alone; "" = leave it as it is.
// `visible`: the value now, nullptr = not set. A list of one is kept, so that processes may share a GPU.
// ConfigError when the list is too short.
std::string own_gpu(const Place& place, const char* visible);

}  // namespace gamut::comm
