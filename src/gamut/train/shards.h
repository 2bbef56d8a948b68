// SPDX-License-Identifier: Apache-2.0
// What each of several processes keeps of the state that goes with trained weights (AdamW's moments, the
// average): all numbers of the weights in a row, as they lie in memory, cut into as many equal slices as
// there are processes (ZeRO stage 1, Rajbhandari et al. 2020). Gradients are summed where they are needed,
// each process updates its slice of the weights, and all get all of them.
//
//   Shards shards(params, group);
//   shards.sum_own(gradients);  step(shards.own(weights), shards.own(gradients), …);
//   shards.share_own(weights);
#pragma once

#include "gamut/comm/group.h"
#include "gamut/nn/params.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace gamut::train {

class Shards {
 public:
  Shards() = default;  // nothing is divided: own() is everything
  // Of tensors like `params`, dense and of one type. `group` must outlive it; one process divides nothing.
  Shards(const std::vector<nn::NamedTensor>& params, comm::Group& group);

  bool divided() const { return group_ != nullptr; }
  // This process's slice of tensors that lie in memory as the parameters do: flat views, one per tensor that
  // the slice touches; undivided the tensors themselves.
  std::vector<at::Tensor> own(const std::vector<at::Tensor>& tensors) const;

  // `own` becomes its part of whole tensors, which may lie in memory in any way; one at a time is laid out.
  void take_own(const std::vector<at::Tensor>& whole, const std::vector<at::Tensor>& own) const;

  // The following are for divided state, and all processes call them alike.
  // own(tensors) becomes the sum over all processes; the rest stays as it was.
  void sum_own(const std::vector<at::Tensor>& tensors) const;
  // What each process has in its own(tensors) goes to all.
  void share_own(const std::vector<at::Tensor>& tensors) const;
  // Tensors of which each process has own(): whole, in the parameters' shapes, on the CPU.
  std::vector<at::Tensor> whole(const std::vector<at::Tensor>& own) const;
  // The same in the process that leads, which writes them down; nothing in the others.
  std::vector<at::Tensor> whole_at_first(const std::vector<at::Tensor>& own) const;
  // Of vectors of which each process has a part, by the norm of this process's: fp32 scalar.
  at::Tensor norm(const at::Tensor& own) const;

  // A tensor on the CPU that lies in memory as parameter i does.
  at::Tensor like(size_t i) const;

 private:
  // Numbers begin … begin + count of a tensor.
  struct Piece {
    size_t tensor;
    int64_t begin, count;
  };
  std::vector<Piece> pieces(int64_t begin, int64_t end) const;  // of the row
  // What of a rank's slice travels in chunk `chunk`.
  std::vector<Piece> chunk_of(int64_t rank, int64_t chunk) const;
  // What of this process's slice travels in it.
  at::Tensor own_chunk(const std::vector<at::Tensor>& own, int64_t chunk) const;
  // All processes' own() go to all, into whole tensors, or nowhere where `to` is empty.
  void collect(const std::vector<at::Tensor>& own, const std::vector<at::Tensor>& to) const;
  int64_t begin_of(int64_t rank) const { return std::min(rank * slice_, total_); }

  comm::Group* group_ = nullptr;
  std::vector<at::Tensor> params_;
  int64_t total_ = 0, slice_ = 0, chunks_ = 0;
};

}  // namespace gamut::train
