// SPDX-License-Identifier: Apache-2.0
// Gradient checkpointing: a part of a network whose activations are not kept but computed again when the
// backward pass comes to it.
//
//   x = recomputed([&](const auto& in) { return block(in[0], in[1]); }, {x, time});
//
// The value is the same to the last bit, so that a ratio of policies stays exactly 1; gradients are the same
// sums, which meet in another order where an input is used outside too. The forward pass is paid for twice.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

namespace gamut::nn {

// Must compute the same again for the same inputs. What it refers to must live until the backward pass;
// parameters that it uses get their gradients, as leaves, without being inputs.
using Segment = std::function<at::Tensor(const std::vector<at::Tensor>& inputs)>;

// segment(inputs); simply called when gradients are off.
at::Tensor recomputed(const Segment& segment, const std::vector<at::Tensor>& inputs);

// The same for a part with several results, all of them defined.
using WideSegment = std::function<std::vector<at::Tensor>(const std::vector<at::Tensor>& inputs)>;
std::vector<at::Tensor> recomputed_all(const WideSegment& segment, const std::vector<at::Tensor>& inputs);

}  // namespace gamut::nn
