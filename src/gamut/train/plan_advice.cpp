// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/plan_advice.h"

#include "gamut/core/error.h"
#include "gamut/train/plan_ranks.h"

#include <functional>
#include <limits>
#include <optional>

namespace gamut::train {
namespace {

constexpr int64_t kAdapterRank = 16;
constexpr int64_t kImpossible = std::numeric_limits<int64_t>::max();

struct Situation {
  TrainConfig config;
  PlanOptions options;
};

// Writes itself into a situation and says how: "key=value"; "" when the situation has no room for it.
using Change = std::function<std::string(Situation&)>;

struct Planner {
  const std::vector<text::Prompt>& prompts;
  int64_t device_bytes, ranks;

  int64_t needed(const Situation& situation) const {
    try {
      const Plan plan = make_plan(situation.config, prompts, situation.options);
      return plan_of_rank(plan, ranks, situation.config.divides_state()).needed;
    } catch (const ConfigError&) {
      return kImpossible;  // such as a micro-batch that the number of updates does not allow
    }
  }
  bool fits(const Situation& situation) const { return needed(situation) <= device_bytes; }
};

using SizeOf = std::function<int64_t&(Situation&)>;

// The largest half, quarter, … of a batch with which it fits, else the smallest possible one.
std::string shrink(Situation& situation, const Planner& planner, const char* key, const SizeOf& size_of) {
  std::optional<Situation> smallest;
  for (int64_t size = size_of(situation) / 2; size >= 1; size /= 2) {
    Situation tried = situation;
    size_of(tried) = size;
    const int64_t needed = planner.needed(tried);
    if (needed != kImpossible) smallest = tried;
    if (needed <= planner.device_bytes) break;
  }
  if (!smallest) return "";
  situation = *smallest;
  return cat(key, "=", size_of(situation));
}

std::vector<Change> changes(const Planner& planner) {
  return {
      [](Situation& s) {
        if (!why_no_rollout_graphs(s.config).empty()) return std::string();
        s.config.train.reuse_rollout_graph = false;
        return std::string("train.reuse_rollout_graph=false");
      },
      [](Situation& s) {
        if (s.config.gradient_checkpointing) return std::string();
        s.config.gradient_checkpointing = true;
        return std::string("gradient_checkpointing=true");
      },
      [ranks = planner.ranks](Situation& s) {
        if (ranks == 1 || s.config.lora.is_on() || s.config.train.shard_optimizer) return std::string();
        s.config.train.shard_optimizer = true;
        return std::string("train.shard_optimizer=true");
      },
      [planner](Situation& s) {
        return shrink(s, planner, "rollout.micro_batch",
                      [](Situation& in) -> int64_t& { return in.config.rollout.micro_batch; });
      },
      [planner](Situation& s) {
        if (s.options.evaluation_micro_batch == 0) return std::string();
        return shrink(s, planner, "eval.micro_batch",
                      [](Situation& in) -> int64_t& { return in.options.evaluation_micro_batch; });
      },
      [](Situation& s) {
        if (s.config.lora.is_on()) return std::string();
        s.config.lora.rank = kAdapterRank;
        return cat("lora.rank=", kAdapterRank);
      },
      // A frozen model may be held in a shorter type; one that trains computes in it.
      [](Situation& s) {
        if (s.config.dtype != "fp32" || s.config.mixed_precision != "no") return std::string();
        (s.config.lora.is_on() ? s.config.dtype : s.config.mixed_precision) = "bf16";
        return std::string(s.config.lora.is_on() ? "dtype=bf16" : "mixed_precision=bf16");
      },
      [](Situation& s) {
        if (s.config.base_weights == "int8" || !s.config.lora.is_on()) return std::string();
        s.config.base_weights = "int8";
        return std::string("base_weights=int8");
      },
  };
}

}  // namespace

Advice advise(const TrainConfig& config, const std::vector<text::Prompt>& prompts, const PlanOptions& options,
              int64_t device_bytes, int64_t ranks) {
  const Planner planner{prompts, device_bytes, ranks};
  Situation asked{config, options};
  // What the recipe leaves open can only be halved once it is known.
  const Plan plan = make_plan(config, prompts, options);
  asked.config.rollout.micro_batch = plan.batch.micro_batch;
  asked.options.evaluation_micro_batch = plan.evaluation_micro_batch;
  Advice advice;
  for (const Change& change : changes(planner)) {
    Situation tried = asked;
    const std::string written = change(tried);
    if (!written.empty() && planner.fits(tried)) advice.alone.push_back(written);
  }
  if (!advice.alone.empty()) return advice;
  Situation all = asked;
  for (const Change& change : changes(planner)) {
    const std::string written = change(all);
    if (written.empty()) continue;
    advice.together.push_back(written);
    advice.least_bytes = planner.needed(all);
    if (advice.least_bytes <= device_bytes) return advice;
  }
  advice.together.clear();
  return advice;
}

}  // namespace gamut::train
