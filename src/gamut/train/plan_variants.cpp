// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/plan_variants.h"

#include "gamut/core/error.h"

namespace gamut::train {
namespace {

std::string switched(const char* key, bool on) { return cat(key, "=", on ? "true" : "false"); }

struct Variant {
  std::string change;
  TrainConfig config;
};

std::vector<Variant> variants(const TrainConfig& asked, int64_t ranks) {
  std::vector<Variant> all(1, {"", asked});
  TrainConfig& again = all.back().config;
  again.gradient_checkpointing = !again.gradient_checkpointing;
  all.back().change = switched("gradient_checkpointing", again.gradient_checkpointing);
  if (asked.lora.is_on()) {
    TrainConfig& base = all.emplace_back("", asked).config;
    base.base_weights = asked.base_weights == "int8" ? "dtype" : "int8";
    all.back().change = cat("base_weights=", base.base_weights);
  } else if (ranks > 1) {
    TrainConfig& state = all.emplace_back("", asked).config;
    state.train.shard_optimizer = !asked.train.shard_optimizer;
    all.back().change = switched("train.shard_optimizer", state.train.shard_optimizer);
  }
  return all;
}

}  // namespace

std::vector<PlanVariant> plan_variants(const TrainConfig& config, const std::vector<text::Prompt>& prompts,
                                       const PlanOptions& options, int64_t ranks) {
  std::vector<PlanVariant> out;
  for (const Variant& variant : variants(config, ranks)) {
    const Plan plan = make_plan(variant.config, prompts, options);
    out.push_back({variant.change, plan_of_rank(plan, ranks, variant.config.divides_state())});
  }
  return out;
}

}  // namespace gamut::train
