// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/policy.h"

#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/nn/device.h"

#include <algorithm>

namespace gamut::train {

namespace {

// A second copy of the model that stays as it is.
bool has_frozen_reference(const TrainConfig& config) {
  const algorithms::RegularizerConfig& regularizer = config.slots.regularizer;
  return !config.lora.is_on() && regularizer.is_on() &&
         algorithms::policy_of(regularizer) == algorithms::Policy::kBase;
}

// What an objective that trains at times of its own leaves without meaning.
void check_without_trajectory(const TrainConfig& config) {
  const algorithms::Slots& slots = config.slots;
  const std::string kind = cat("objective.kind = \"", slots.objective.kind, "\"");
  if (config.train.reuse_rollout_graph)
    throw ConfigError("train", cat("reuse_rollout_graph keeps the graphs of the rollout's steps, and ", kind,
                                   " trains at other times; expected train.reuse_rollout_graph = false"));
  const algorithms::LossConfig named = algorithms::fill_slots(config.algorithm).loss;
  const bool as_filled = slots.loss.kind == named.kind && slots.loss.clip_range == named.clip_range;
  if (slots.objective.kind == "awm" || slots.loss.kind == "none" || as_filled) return;
  throw ConfigError("objective",
                    cat(kind, " has a loss of its own, which no surrogate joins; got loss.kind = \"",
                        slots.loss.kind, "\"; remove [loss] from the recipe"));
}

}  // namespace

nn::ParamOptions policy_params(const TrainConfig& config, const at::Device& device) {
  nn::ParamOptions params = nn::params_for(device, config.dtype, config.mixed_precision);
  if (config.base_weights != "int8") return params;
  params.int8 = config.lora.is_on();
  if (!params.int8 && !has_frozen_reference(config))
    throw ConfigError(
        "train",
        "base_weights = \"int8\" holds weights that do not train, and all weights of the model train "
        "without a frozen reference beside them; set lora.rank above 0, or base_weights = \"dtype\"");
  return params;
}

nn::ParamOptions reference_params(const TrainConfig& config, nn::ParamOptions policy) {
  policy.int8 = config.base_weights == "int8" && has_frozen_reference(config);
  return policy;
}

models::Pipeline open_policy(const TrainConfig& config, const std::string& folder) {
  models::Pipeline policy = models::Pipeline::open(folder.empty() ? config.model : folder,
                                                   policy_params(config, nn::open_device(config.device)));
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
      throw ConfigError("train",
                        "all weights of the model train, which takes dtype = \"fp32\"; got another; train an "
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

std::unique_ptr<algorithms::Objective> make_objective(const TrainConfig& config,
                                                      const diffusion::NoiseProcess& process) {
  algorithms::Slots slots = config.slots;
  slots.sampler = process.sampler();
  return algorithms::make_objective(slots, uint64_t(config.seed));
}

bool may_drop_text_encoders(const models::Pipeline& policy, int64_t prompts) {
  int64_t encoders = 0, prompt = 0;
  for (const models::NamedStore& encoder : policy.text_encoders()) encoders += encoder.store->num_bytes();
  const models::Conditioning encoded = policy.encode({""});
  for (const auto& [name, part] : encoded.parts) prompt += int64_t(part.nbytes());
  return prompts * prompt <= encoders;
}

void check_slots(const TrainConfig& config, const models::Pipeline& policy,
                 const diffusion::NoiseProcess& process, const algorithms::Needs& needs) {
  algorithms::check_subset(config.slots.subset);
  const std::vector<int64_t> shape = policy.latent_shape();
  if (config.slots.regularizer.pool > std::min(shape[1], shape[2]))
    throw ConfigError("regularizer",
                      cat("regularizer.pool must not exceed the latent's sides; got ",
                          config.slots.regularizer.pool, "; the latent is ", shape[1], " x ", shape[2]));
  if (config.slots.regularizer.kept_share > 0 && !config.slots.regularizer.is_on())
    throw ConfigError("regularizer",
                      "kept_share moves the regularizer's weight, and regularizer.kind or weight is off; set "
                      "both, or kept_share = 0");
  if (config.slots.advantage.kind == "tmpo" && config.rollout.updates > 1)
    throw ConfigError(
        "advantage",
        cat("kind = \"tmpo\" compares a group's log-probabilities under the policy that drew it, "
            "and after an update they are others; got rollout.updates = ",
            config.rollout.updates, "; expected 1"));
  if (!needs.trajectory) return check_without_trajectory(config);
  const auto schedule = process.iteration(uint64_t(config.seed), 0);
  const auto trained = algorithms::eligible_steps(config.slots.schedule, schedule);
  const std::string warning = algorithms::check_regularizer(config.slots.regularizer, schedule, trained);
  if (!warning.empty()) log_warning(warning);
}

}  // namespace gamut::train
