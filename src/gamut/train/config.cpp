// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/config.h"

#include "gamut/core/error.h"
#include "gamut/nn/device.h"

namespace gamut::train {

void RolloutConfig::fields(FieldVisitor& v) {
  v.field("prompts", prompts, input_path(), "prompt set, JSONL or one prompt per line");
  v.field(
      "variants", variants, input_path(),
      "captions that rollouts draw and train on in place of the prompts, JSON lines of prompt and variants; "
      "evaluations stay with the prompts; \"\" = none");
  v.field("prompts_per_iteration", prompts_per_iteration, between(0, 4096),
          "distinct prompts drawn per iteration; 0 = 4, or all of a smaller set");
  v.field("group_size", group_size, between(2, 4096),
          "pictures per prompt that train (without a subset: that are drawn)");
  v.field("micro_batch", micro_batch, between(0, 65536),
          "pictures per forward pass, in rollout and update; 0 = at most 64 of a small model or 4 of Stable "
          "Diffusion's "
          "size, so that they divide the pictures");
  v.field("updates", updates, between(1, 1024),
          "optimizer steps per iteration, each on its share of the pictures");
  v.field("guidance_scale", guidance_scale, between(0, 100),
          "classifier-free guidance; 1 = off, 0 = without the prompt (diffusers: 0 = off); told to the "
          "network where that "
          "is how it is guided (FLUX.1-dev)");
  v.field("height", height, between(0, 16384),
          "of the pictures, in pixels; 0 = what the model was trained on");
  v.field("width", width, between(0, 16384), "of the pictures, in pixels; 0 = what the model was trained on");
  v.field("max_tokens", max_tokens, between(0, 512),
          "tokens that T5 reads of a prompt; 0 = the model's usual number, 256 for Stable Diffusion 3 and "
          "512 for FLUX");
  v.field("base_samples", base_samples, between(2, 4096),
          "pictures per prompt that the base draws once, before the first iteration, for "
          "regularizer.kept_share and "
          "shaping.kind = mmd to compare with");
}

void GuardConfig::fields(FieldVisitor& v) {
  v.field("ratio_tolerance", ratio_tolerance, at_least(0),
          "largest |ratio - 1| before an iteration's first update; beyond it the run stops");
  v.field("on_nonfinite", on_nonfinite, one_of({"skip", "stop"}),
          "an update whose loss or gradient is not finite");
  v.field("on_spike", on_spike, one_of({"skip", "stop", "ignore"}),
          "an update whose gradient norm is a spike");
  v.field("spike_factor", spike_factor, above(1), "a spike is this many times the running mean of the norm");
  v.field("max_skips", max_skips, at_least(1), "skipped updates in a row that stop the run");
  v.field("on_reward_failure", on_reward_failure, one_of({"drop", "stop"}),
          "a picture whose reward failed: leave it out, or stop");
}

void UpdateConfig::fields(FieldVisitor& v) {
  v.field("reuse_rollout_graph", reuse_rollout_graph, any_value(),
          "keep the trained steps' forward graphs of the rollout for the update: faster by a forward pass, "
          "more memory; "
          "not where rows are re-batched or several updates follow one rollout");
  v.field(
      "shard_optimizer", shard_optimizer, any_value(),
      "of several processes without [lora], each holds its share of AdamW's moments and of the average, and "
      "updates its share of the weights: less memory, a little more traffic");
}

void TrainConfig::fields(FieldVisitor& v) {
  std::vector<std::string> names;
  for (const algorithms::NamedAlgorithm& named : algorithms::algorithm_table()) names.push_back(named.name);
  v.field("algorithm", algorithm, one_of(names), "fills every slot below; single keys can be overridden");
  v.field("model", model, input_path(), "model folder to fine-tune, diffusers layout");
  v.field("device", device, one_of({"cpu", "cuda"}), "where to train");
  v.field("dtype", dtype, one_of(nn::dtype_names()),
          "type that the model is held and computed in; weights that train are fp32 in any case; fp16 on "
          "cuda only");
  v.field("mixed_precision", mixed_precision, one_of({"no", "bf16"}),
          "bf16: the denoiser's products and convolutions compute in bf16 over weights in fp32");
  v.field(
      "base_weights", base_weights, one_of({"dtype", "int8"}),
      "int8: linear layers that do not train (of the base below [lora] and of T5, or of a frozen reference) "
      "are held in int8 with a scale per output channel, and computed in dtype: half the memory of bf16");
  v.field("gradient_checkpointing", gradient_checkpointing, any_value(),
          "compute the denoiser's activations again in the backward pass instead of keeping them: slower, "
          "far less memory");
  v.field("seed", seed, at_least(0), "names every random stream of the run");
  v.field("iterations", iterations, between(1, 1e9), "rounds of rollout and update");
  v.table("rollout", rollout, "the geometry of one iteration");
  v.table("train", train, "how an update is computed");
  slots.regularizer.names_gate_rewards = gate_tables.empty();
  slots.fields(v);
  for (size_t i = 0; i < gate_tables.size(); ++i)
    v.table(cat("regularizer.gate_rewards.", i + 1), gate_tables[i],
            "gated_kl: an auxiliary reward, with the keys of [reward]");
  v.table("lora", lora, "low-rank adapters on a frozen model");
  v.table("optimizer", optimizer, "AdamW");
  v.table("lr_schedule", lr_schedule, "the learning rate over the run");
  v.table("ema", ema, "moving average of the weights, used for evaluation and saved");
  v.table("checkpoint", checkpoint, "for resuming");
  v.table("guard", guard, "when to skip an update and when to stop");
  v.table("comm", comm, "several processes that train together");
}

}  // namespace gamut::train
