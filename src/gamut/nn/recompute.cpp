// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/recompute.h"

#include "gamut/nn/autocast.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

namespace gamut::nn {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// What the backward pass needs to compute the same again.
struct Recipe : torch::CustomClassHolder {
  Recipe(WideSegment given, AutocastState state) : segment(std::move(given)), autocast(state) {}
  WideSegment segment;
  AutocastState autocast;
};

struct Recomputed : torch::autograd::Function<Recomputed> {
  // `anchor` requires a gradient, so that the result does even where only parameters do.
  static variable_list forward(AutogradContext* context, const WideSegment& segment, const Tensor& /*anchor*/,
                               at::TensorList inputs) {
    context->saved_data["recipe"] =
        c10::IValue::make_capsule(c10::make_intrusive<Recipe>(segment, AutocastState::current()));
    context->save_for_backward(inputs.vec());
    return segment(inputs.vec());
  }

  static variable_list backward(AutogradContext* context, const variable_list& outputs) {
    const auto capsule = context->saved_data["recipe"].toCapsule();
    const Recipe& recipe = static_cast<const Recipe&>(*capsule);
    variable_list inputs = context->get_saved_variables();
    for (Tensor& input : inputs) input = input.detach().set_requires_grad(input.requires_grad());
    const at::AutoGradMode with_gradient(true);
    const variable_list results = [&] {
      const Autocast as_before(recipe.autocast);
      return recipe.segment(inputs);
    }();
    variable_list learning, incoming;
    for (size_t i = 0; i < results.size(); ++i)
      if (results[i].requires_grad()) {
        learning.push_back(results[i]);
        incoming.push_back(outputs[i]);
      }
    if (!learning.empty()) torch::autograd::backward(learning, incoming);
    variable_list gradients{Tensor(), Tensor()};
    for (const Tensor& input : inputs) gradients.push_back(input.grad());
    return gradients;
  }
};

}  // namespace

std::vector<Tensor> recomputed_all(const WideSegment& segment, const std::vector<Tensor>& inputs) {
  if (!at::GradMode::is_enabled()) return segment(inputs);
  const Tensor anchor = at::empty({0}, at::kFloat).set_requires_grad(true);
  return Recomputed::apply(segment, anchor, at::TensorList(inputs));
}

Tensor recomputed(const Segment& segment, const std::vector<Tensor>& inputs) {
  return recomputed_all([segment](const std::vector<Tensor>& in) { return variable_list{segment(in)}; },
                        inputs)[0];
}

}  // namespace gamut::nn
