// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/batch_plan.h"

#include "gamut/core/error.h"
#include "gamut/core/random.h"

#include <algorithm>

namespace gamut::train {

std::string BatchPlan::text() const {
  const std::string kept = keep == members ? "" : cat(", of which ", keep, " train");
  return cat("plan   prompts ", prompts, " x group ", members, kept, " = ", pictures,
             " pictures   micro-batch ", micro_batch, " x ", micro_batches, "   updates per iteration ",
             updates);
}

namespace {

constexpr int64_t kUsualPrompts = 4;

int64_t trained_batches(const BatchPlan& plan, int64_t micro_batch) {
  return (plan.prompts * plan.keep + micro_batch - 1) / micro_batch;
}

// A batch of one fits unless there are fewer trained pictures than updates, or these do not divide them.
int64_t derived_micro_batch(const BatchPlan& plan, int64_t usual_batch) {
  for (int64_t size = std::min(usual_batch, plan.pictures); size > 1; --size)
    if (plan.pictures % size == 0 && trained_batches(plan, size) % plan.updates == 0) return size;
  return 1;
}

}  // namespace

BatchPlan make_batch_plan(const RolloutConfig& config, const algorithms::SubsetConfig& subset,
                          int64_t prompt_count, int64_t usual_batch) {
  BatchPlan plan{.prompts = config.prompts_per_iteration > 0 ? config.prompts_per_iteration
                                                             : std::min(kUsualPrompts, prompt_count),
                 .members = config.group_size,
                 .keep = config.group_size};
  if (subset.is_on()) {
    plan.keep = subset.keep > 0 ? subset.keep : config.group_size;
    plan.members = subset.candidates > 0 ? subset.candidates : 2 * plan.keep;
  }
  plan.pictures = plan.prompts * plan.members;
  plan.updates = config.updates;
  plan.micro_batch = config.micro_batch > 0 ? config.micro_batch : derived_micro_batch(plan, usual_batch);
  std::vector<std::string> broken;
  auto rule = [&](bool holds, const std::string& sentence) {
    if (!holds) broken.push_back(sentence);
  };
  rule(plan.prompts <= prompt_count, cat("rollout.prompts_per_iteration must not exceed the prompt set; got ",
                                         plan.prompts, "; the set has ", prompt_count));
  rule(plan.keep <= plan.members,
       cat("subset.keep must not exceed subset.candidates; got ", plan.keep, " of ", plan.members));
  rule(plan.pictures % plan.micro_batch == 0,
       cat("rollout.micro_batch must divide the pictures of an iteration; got ", plan.micro_batch,
           "; there are ", plan.prompts, " x ", plan.members, " = ", plan.pictures));
  plan.micro_batches = plan.pictures / plan.micro_batch;
  const int64_t trained = trained_batches(plan, plan.micro_batch);
  rule(trained >= plan.updates && trained % plan.updates == 0,
       cat("rollout.updates must divide the number of trained micro-batches; got ", plan.updates,
           "; there are ", trained));
  if (!broken.empty()) throw ConfigError("plan", broken);
  return plan;
}

std::string why_no_rollout_graphs(const TrainConfig& config) {
  const algorithms::RegularizerConfig& regularizer = config.slots.regularizer;
  if (!config.train.reuse_rollout_graph) return "train.reuse_rollout_graph is off";
  if (config.rollout.updates > 1)
    return "rollout.updates is above 1: the weights move before all graphs are used";
  if (config.slots.subset.is_on()) return "subset re-batches the rows";
  if (config.lora.is_on() && regularizer.is_on() && regularizer.reference != "frozen")
    return "the reference borrows the adapter's weights, which the graphs still need";
  return "";
}

std::vector<int64_t> draw_prompts(const BatchPlan& plan, int64_t prompt_count, uint64_t seed,
                                  int64_t iteration) {
  std::vector<int64_t> order = Stream(seed, "prompts", {iteration}).permutation(prompt_count);
  order.resize(size_t(plan.prompts));
  return order;
}

std::vector<std::vector<SampleRow>> sample_rows(const BatchPlan& plan, const std::vector<int64_t>& prompts,
                                                int64_t iteration) {
  std::vector<std::vector<SampleRow>> micro_batches(size_t(plan.micro_batches));
  for (int64_t s = 0; s < plan.pictures; ++s) {
    const int64_t slot = s % plan.prompts, member = s / plan.prompts;
    micro_batches[size_t(s / plan.micro_batch)].push_back(
        {.key = {.epoch = iteration, .prompt = prompts[size_t(slot)], .member = member}, .slot = slot});
  }
  return micro_batches;
}

}  // namespace gamut::train
