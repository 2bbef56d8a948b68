// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/ema.h"

#include "gamut/core/error.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

namespace gamut::train {

void EmaConfig::fields(FieldVisitor& v) {
  v.field("decay", decay, between(0, 1),
          "largest decay of the weights' moving average; 0 = the current weights");
  v.field("every", every, at_least(1),
          "updates between two applications; the end of a run takes in what is left");
}

Ema::Ema(std::vector<nn::NamedTensor> params, const EmaConfig& config, Shards shards)
    : params_(std::move(params)), shards_(std::move(shards)), config_(config) {
  for (const nn::NamedTensor& param : params_) tensors_.push_back(param.tensor.detach());
  tensors_ = shards_.own(tensors_);
  for (const at::Tensor& tensor : tensors_) average_.push_back(tensor.clone());
}

bool Ema::is_due(int64_t updates_done) const {
  return config_.decay == 0 || updates_done % config_.every == 0;
}

double Ema::share_of_weights(int64_t updates_done) const {
  const double s = double(updates_done - 1);
  return 1 - std::min((1 + s) / (10 + s), config_.decay);
}

void Ema::update(int64_t updates_done) {
  if (!is_due(updates_done)) return;
  at::NoGradGuard no_grad;
  if (!average_.empty()) at::_foreach_lerp_(average_, tensors_, share_of_weights(updates_done));
}

std::vector<nn::NamedTensor> Ema::final_weights(int64_t updates_done) const {
  if (is_due(updates_done)) return weights();
  at::NoGradGuard no_grad;
  std::vector<at::Tensor> final;
  for (size_t i = 0; i < tensors_.size(); ++i)
    final.push_back(at::lerp(average_[i], tensors_[i], share_of_weights(updates_done)));
  return whole(final);
}

std::vector<nn::NamedTensor> Ema::weights() const { return whole(average_); }

std::vector<nn::NamedTensor> Ema::stored() const {
  return named(shards_.divided() ? shards_.whole_at_first(average_) : average_);
}

std::vector<nn::NamedTensor> Ema::whole(const std::vector<at::Tensor>& own) const {
  return named(shards_.divided() ? shards_.whole(own) : own);
}

std::vector<nn::NamedTensor> Ema::named(const std::vector<at::Tensor>& all) const {
  std::vector<nn::NamedTensor> weights;
  for (size_t i = 0; i < all.size(); ++i) weights.push_back({params_[i].name, all[i]});
  return weights;
}

// Without an average a file may hold one that lagged: the weights count.
void Ema::load(const nn::TensorMap& weights) {
  const std::vector<at::Tensor> stored = matching_weights(params_, weights, "ema");
  if (config_.decay > 0) return shards_.take_own(stored, average_);
  at::NoGradGuard no_grad;
  for (size_t i = 0; i < average_.size(); ++i) average_[i].copy_(tensors_[i]);
}

BorrowedWeights::BorrowedWeights(const std::vector<nn::NamedTensor>& params,
                                 const std::vector<nn::NamedTensor>& weights)
    : params_(params) {
  GAMUT_CHECK(params.size() == weights.size(), params.size(), " parameters, ", weights.size(), " weights");
  at::NoGradGuard no_grad;
  for (size_t i = 0; i < params_.size(); ++i) {
    saved_.push_back(params_[i].tensor.detach().clone());
    params_[i].tensor.detach().copy_(weights[i].tensor);
  }
}

BorrowedWeights::~BorrowedWeights() {
  at::NoGradGuard no_grad;
  for (size_t i = 0; i < params_.size(); ++i) params_[i].tensor.detach().copy_(saved_[i]);
}

std::vector<at::Tensor> matching_weights(const std::vector<nn::NamedTensor>& params,
                                         const nn::TensorMap& weights, std::string_view origin) {
  std::vector<at::Tensor> matching;
  for (const nn::NamedTensor& param : params) {
    const auto found = weights.find(param.name);
    if (found == weights.end())
      throw DataError(origin,
                      cat("tensor '", param.name, "' is missing; were the weights made for another model?"));
    if (found->second.sizes() != param.tensor.sizes())
      throw DataError(origin, cat("tensor '", param.name, "' has the wrong shape; got ",
                                  found->second.sizes(), "; expected ", param.tensor.sizes()));
    if (!param.tensor.is_floating_point())
      throw ConfigError(origin, cat("'", param.name,
                                    "' is held in int8, which no weights can be copied into; set "
                                    "base_weights = \"dtype\""));
    nn::check_weight(found->second, origin, param.name);
    matching.push_back(found->second);
  }
  if (weights.size() != params.size())
    throw DataError(origin, cat("the file holds ", weights.size(), " tensors; expected ", params.size(),
                                "; were the weights made for another model?"));
  return matching;
}

void copy_weights(const std::vector<nn::NamedTensor>& params, const nn::TensorMap& weights,
                  std::string_view origin) {
  at::NoGradGuard no_grad;
  const std::vector<at::Tensor> matching = matching_weights(params, weights, origin);
  for (size_t i = 0; i < params.size(); ++i) params[i].tensor.detach().copy_(matching[i]);
}

}  // namespace gamut::train
