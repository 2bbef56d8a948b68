// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/policy.h"

#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/nn/device.h"

#include <algorithm>

namespace gamut::train {

models::Pipeline open_policy(const TrainConfig& config, const std::string& folder) {
  models::Pipeline policy = models::Pipeline::open(folder.empty() ? config.model : folder,
                                                   nn::open_device(config.device, config.dtype, config.mixed_precision));
  shape_inputs(config, policy);
  return policy;
}

void shape_inputs(const TrainConfig& config, models::Pipeline& policy) {
  policy.set_picture_size(config.rollout.height, config.rollout.width);
  if (config.rollout.max_tokens > 0) policy.set_max_tokens(config.rollout.max_tokens, "rollout.max_tokens");
}

std::vector<nn::NamedTensor> make_trainable(const TrainConfig& config, models::Pipeline& policy) {
  nn::ParamStore& denoiser = policy.denoiser_params();
  for (const models::NamedStore& encoder : policy.text_encoders()) encoder.store->require_grad(false);
  denoiser.require_grad(!config.lora.is_on());
  if (!config.lora.is_on()) {
    // Steps as small as RL's are lost in the roundings of shorter types.
    if (denoiser.params().front().tensor.scalar_type() != at::kFloat)
      throw ConfigError("train", "all weights of the model train, which takes dtype = \"fp32\"; got another; train an "
                                 "adapter ([lora] rank) over a model in a shorter type, or set dtype=fp32");
    return denoiser.params();
  }
  nn::ParamStore adapter = nn::attach_lora(denoiser, config.lora, uint64_t(config.seed));
  adapter.require_grad(true);
  return adapter.params();
}

diffusion::NoiseProcess rollout_process(const TrainConfig& config, const models::Pipeline& policy) {
  diffusion::check_fits(config.slots.sampler, policy.scheduler());
  return {policy.scheduler(), policy.latent_shape(), config.slots.sampler};
}

void check_slots(const TrainConfig& config, const models::Pipeline& policy, const diffusion::NoiseProcess& process) {
  const auto schedule = process.iteration(uint64_t(config.seed), 0);
  const auto trained = algorithms::eligible_steps(config.slots.schedule, schedule);
  algorithms::check_loss(config.slots.loss, schedule);
  algorithms::check_subset(config.slots.subset);
  const std::vector<int64_t> shape = policy.latent_shape();
  if (config.slots.regularizer.pool > std::min(shape[1], shape[2]))
    throw ConfigError("regularizer", cat("regularizer.pool must not exceed the latent's sides; got ",
                                         config.slots.regularizer.pool, "; the latent is ", shape[1], " x ", shape[2]));
  const std::string warning = algorithms::check_regularizer(config.slots.regularizer, schedule, trained);
  if (!warning.empty()) log_warning(warning);
}

}  // namespace gamut::train
