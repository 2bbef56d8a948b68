// SPDX-License-Identifier: Apache-2.0
// The model that a recipe asks for.
#pragma once

#include "gamut/algorithms/objective.h"
#include "gamut/diffusion/noise_process.h"
#include "gamut/models/pipeline.h"
#include "gamut/train/config.h"

#include <memory>
#include <string>
#include <vector>

namespace gamut::train {

// Where and in which types the recipe's policy is held. EnvironmentError and ConfigError as nn::params_for;
// ConfigError for base_weights = "int8" where nothing is frozen.
nn::ParamOptions policy_params(const TrainConfig& config, const at::Device& device);
// Of a second copy of the model beside a policy whose weights all train.
nn::ParamOptions reference_params(const TrainConfig& config, nn::ParamOptions policy);

// Opens config.model, or `folder` if given, on the recipe's device, in its type, for pictures of its size.
models::Pipeline open_policy(const TrainConfig& config, const std::string& folder = "");

// Size of the pictures and length of the prompts as the recipe says.
void shape_inputs(const TrainConfig& config, models::Pipeline& policy);

// The tensors that the optimizer, the average and the checkpoints see: with [lora] a fresh adapter, attached
// here, else all weights of the denoiser. They, and nothing else, require gradients from now on. ConfigError
// for weights that cannot train in their type.
std::vector<nn::NamedTensor> make_trainable(const TrainConfig& config, models::Pipeline& policy);

// The noise of the recipe's rollouts on this model. ConfigError when [sampler] does not fit its scheduler.
diffusion::NoiseProcess rollout_process(const TrainConfig& config, const models::Pipeline& policy);

// The recipe's objective on this model, whose noise table it shares.
std::unique_ptr<algorithms::Objective> make_objective(const TrainConfig& config,
                                                      const diffusion::NoiseProcess& process);

// Whether the text encoders may go once a run's `prompts` prompts are encoded: what they say of them takes
// less room than they do.
bool may_drop_text_encoders(const models::Pipeline& policy, int64_t prompts);

// What only model and recipe together can say; `needs`: of the recipe's objective. ConfigError when no step
// can train, or when loss or regularizer do not fit the sampler or the latent; a warning is logged when the
// regularizer anchors less than asked for.
void check_slots(const TrainConfig& config, const models::Pipeline& policy,
                 const diffusion::NoiseProcess& process, const algorithms::Needs& needs);

}  // namespace gamut::train
