// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/shards.h"

#include "gamut/core/error.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

namespace gamut::train {
namespace {

constexpr int64_t kChunk = int64_t{4} << 20;  // numbers of each slice that travel at once

// The numbers as they lie in memory.
at::Tensor row_of(const at::Tensor& tensor) { return tensor.detach().as_strided({tensor.numel()}, {1}); }

template <class Piece>
std::vector<at::Tensor> views(const std::vector<at::Tensor>& tensors, const std::vector<Piece>& pieces) {
  std::vector<at::Tensor> out;
  for (const Piece& piece : pieces)
    out.push_back(row_of(tensors[piece.tensor]).narrow(0, piece.begin, piece.count));
  return out;
}

// Back into the tensors that were put together.
void distribute(const at::Tensor& row, const std::vector<at::Tensor>& to) {
  int64_t begin = 0;
  for (const at::Tensor& part : to) {
    part.copy_(row.narrow(0, begin, part.numel()));
    begin += part.numel();
  }
}

}  // namespace

Shards::Shards(const std::vector<nn::NamedTensor>& params, comm::Group& group) {
  if (group.is_one()) return;
  group_ = &group;
  for (const nn::NamedTensor& param : params) {
    GAMUT_CHECK(param.tensor.is_non_overlapping_and_dense() &&
                    param.tensor.scalar_type() == params.front().tensor.scalar_type(),
                param.name);
    params_.push_back(param.tensor);
    total_ += param.tensor.numel();
  }
  slice_ = (total_ + group.size() - 1) / group.size();
  chunks_ = (slice_ + kChunk - 1) / kChunk;
}

std::vector<Shards::Piece> Shards::pieces(int64_t begin, int64_t end) const {
  std::vector<Piece> out;
  int64_t first = 0;  // of the tensor, in the row
  for (size_t i = 0; i < params_.size(); ++i) {
    const int64_t count = params_[i].numel();
    const int64_t from = std::max(begin, first), to = std::min(end, first + count);
    if (from < to) out.push_back({i, from - first, to - from});
    first += count;
  }
  return out;
}

std::vector<Shards::Piece> Shards::chunk_of(int64_t rank, int64_t chunk) const {
  const int64_t end = begin_of(rank + 1), begin = begin_of(rank) + chunk * kChunk;
  return pieces(begin, std::min(begin + kChunk, end));
}

std::vector<at::Tensor> Shards::own(const std::vector<at::Tensor>& tensors) const {
  if (!divided()) return tensors;
  GAMUT_CHECK(tensors.size() == params_.size(), tensors.size(), " and ", params_.size(), " tensors");
  for (size_t i = 0; i < tensors.size(); ++i)
    GAMUT_CHECK(tensors[i].sizes() == params_[i].sizes() && tensors[i].strides() == params_[i].strides(),
                "tensor ", i, " lies otherwise in memory");
  return views(tensors, pieces(begin_of(group_->rank()), begin_of(group_->rank() + 1)));
}

void Shards::sum_own(const std::vector<at::Tensor>& tensors) const {
  const at::NoGradGuard no_grad;
  for (int64_t chunk = 0; chunk < chunks_; ++chunk) {
    std::vector<at::Tensor> rows;
    std::vector<int64_t> owners;
    for (int64_t rank = 0; rank < group_->size(); ++rank) {
      const std::vector<Piece> theirs = chunk_of(rank, chunk);
      if (theirs.empty()) continue;
      rows.push_back(at::cat(views(tensors, theirs)));
      owners.push_back(rank);
    }
    group_->sum_at(rows, owners);
    for (size_t i = 0; i < rows.size(); ++i)
      if (owners[i] == group_->rank()) distribute(rows[i], views(tensors, chunk_of(owners[i], chunk)));
  }
}

at::Tensor Shards::own_chunk(const std::vector<at::Tensor>& own, int64_t chunk) const {
  const at::Tensor& like = own.empty() ? params_.front() : own.front();
  std::vector<at::Tensor> parts{at::empty({0}, like.options().requires_grad(false))};  // where there are none
  int64_t first = 0;  // of the piece, in the slice
  for (const at::Tensor& piece : own) {
    const int64_t from = std::max(chunk * kChunk, first),
                  to = std::min((chunk + 1) * kChunk, first + piece.numel());
    if (from < to) parts.push_back(piece.narrow(0, from - first, to - from));
    first += piece.numel();
  }
  return at::cat(parts);
}

void Shards::collect(const std::vector<at::Tensor>& own, const std::vector<at::Tensor>& to) const {
  const at::NoGradGuard no_grad;
  for (int64_t chunk = 0; chunk < chunks_; ++chunk) {
    const at::Tensor gathered = group_->gather_rows(own_chunk(own, chunk));
    if (to.empty()) continue;
    std::vector<at::Tensor> all;
    for (int64_t rank = 0; rank < group_->size(); ++rank)
      for (const at::Tensor& view : views(to, chunk_of(rank, chunk))) all.push_back(view);
    distribute(gathered, all);
  }
}

void Shards::share_own(const std::vector<at::Tensor>& tensors) const { collect(own(tensors), tensors); }

std::vector<at::Tensor> Shards::whole(const std::vector<at::Tensor>& own) const {
  std::vector<at::Tensor> tensors;
  for (size_t i = 0; i < params_.size(); ++i) tensors.push_back(like(i));
  collect(own, tensors);
  return tensors;
}

std::vector<at::Tensor> Shards::whole_at_first(const std::vector<at::Tensor>& own) const {
  if (group_->leads()) return whole(own);
  collect(own, {});
  return {};
}

void Shards::take_own(const std::vector<at::Tensor>& whole, const std::vector<at::Tensor>& own) const {
  const at::NoGradGuard no_grad;
  if (!divided()) {
    for (size_t i = 0; i < own.size(); ++i) own[i].copy_(whole[i]);
    return;
  }
  const std::vector<Piece> mine = pieces(begin_of(group_->rank()), begin_of(group_->rank() + 1));
  GAMUT_CHECK(own.size() == mine.size(), own.size(), " and ", mine.size(), " pieces");
  for (size_t i = 0; i < mine.size(); ++i) {
    const Piece& piece = mine[i];
    own[i].copy_(row_of(like(piece.tensor).copy_(whole[piece.tensor])).narrow(0, piece.begin, piece.count));
  }
}

at::Tensor Shards::norm(const at::Tensor& own) const {
  const at::Tensor squares = own.to(at::kDouble).square();
  group_->sum({squares});
  return squares.sqrt().to(at::kFloat);
}

at::Tensor Shards::like(size_t i) const {
  return at::empty_strided(params_[i].sizes(), params_[i].strides(),
                           at::TensorOptions(at::kCPU).dtype(params_[i].scalar_type()));
}

}  // namespace gamut::train
