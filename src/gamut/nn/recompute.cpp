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
  Recipe(Segment given, AutocastState state) : segment(std::move(given)), autocast(state) {}
  Segment segment;
  AutocastState autocast;
};

struct Recomputed : torch::autograd::Function<Recomputed> {
  // `anchor` requires a gradient, so that the result does even where only parameters do.
  static Tensor forward(AutogradContext* context, const Segment& segment, const Tensor& /*anchor*/,
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
    const Tensor result = [&] {
      const Autocast as_before(recipe.autocast);
      return recipe.segment(inputs);
    }();
    if (result.requires_grad()) torch::autograd::backward({result}, {outputs[0]});
    variable_list gradients{Tensor(), Tensor()};
    for (const Tensor& input : inputs) gradients.push_back(input.grad());
    return gradients;
  }
};

}  // namespace

Tensor recomputed(const Segment& segment, const std::vector<Tensor>& inputs) {
  if (!at::GradMode::is_enabled()) return segment(inputs);
  const Tensor anchor = at::empty({0}, at::kFloat).set_requires_grad(true);
  return Recomputed::apply(segment, anchor, at::TensorList(inputs));
}

}  // namespace gamut::nn
