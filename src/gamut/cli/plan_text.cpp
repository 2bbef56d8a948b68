// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/plan_text.h"

#include "gamut/core/error.h"
#include "gamut/train/gate_rewards.h"

#include <cmath>
#include <cstdio>

namespace gamut::cli {
namespace {

constexpr int kLabelWidth = 24;

template <class... Arguments>
std::string print(const char* format, Arguments... arguments) {
  char line[256];
  std::snprintf(line, sizeof line, format, arguments...);
  return line;
}

std::string label(const std::string& name) { return print("%-*s", kLabelWidth, name.c_str()); }

std::string count_text(int64_t count) {
  if (count >= 1'000'000) return print("%.1f M", double(count) / 1e6);
  return count >= 1000 ? print("%.1f k", double(count) / 1e3) : cat(count);
}

std::string tflop_text(double flops) {
  const double tera = flops / 1e12;
  return tera == 0 ? "-" : print(tera >= 1000 ? "%.0f" : tera >= 1 ? "%.2f" : "%.4f", tera);
}

std::string phase_line(const train::PlanPhase& phase) {
  const char* note = phase.name == "prompts"      ? "  once per run"
                     : phase.name == "evaluation" ? "  one micro-batch, one step, and its pictures"
                                                  : "";
  return label(phase.name) + print("%10s  %10s  %10s%s\n", tflop_text(phase.flops).c_str(),
                                   format_bytes(phase.working).c_str(), format_bytes(phase.peak).c_str(),
                                   note);
}

std::string memory_line(const std::string& name, int64_t bytes) {
  return bytes == 0 ? "" : label(name) + print("%10s\n", format_bytes(bytes).c_str());
}

// Where the recipe asks for what it cannot have.
std::string graphs_line(const train::TrainConfig& config) {
  const std::string why_not = train::why_no_rollout_graphs(config);
  if (why_not.empty() || !config.train.reuse_rollout_graph) return "";
  return label("rollout's graphs") + cat("not kept: ", why_not, "\n");
}

std::string recipe_lines(const run::TrainRecipe& recipe, const train::Plan& plan) {
  const train::PlanParameters& counts = plan.parameters;
  const train::BatchPlan& batch = plan.batch;
  const std::string trained = recipe.train.lora.is_on()
                                  ? cat("an adapter of rank ", recipe.train.lora.rank, " with ",
                                        count_text(counts.trained), " beside them trains")
                                  : cat(count_text(counts.trained), " train");
  return label("model") +
         cat(recipe.train.model, ", ", recipe.train.device, ", ", recipe.train.dtype,
             recipe.train.mixed_precision == "no" ? "" : cat(", mixed ", recipe.train.mixed_precision),
             recipe.train.gradient_checkpointing ? ", gradient checkpointing" : "", "\n") +
         label("parameters") +
         cat("text encoder ", count_text(counts.text_encoder), ", denoiser ", count_text(counts.denoiser),
             ", vae ", count_text(counts.vae), "; ", trained, "\n") +
         (counts.int8 > 0 ? label("held in int8") + cat(count_text(counts.int8),
                                                        " weights of linear layers; the others in ",
                                                        recipe.train.dtype, "\n")
                          : "") +
         label("images per iteration") +
         cat(batch.pictures, " (", batch.prompts, " prompts x ", batch.members, "), of which ",
             plan.trained_images, " train; micro-batch ", batch.micro_batch, "\n") +
         label("steps per image") +
         cat(plan.steps, plan.trains_trajectory ? ", of which " : "; ", plan.trained_steps,
             plan.trains_trajectory ? " train" : " times of the finished image train",
             "; updates per iteration ", batch.updates, "\n") +
         (plan.drops_text_encoders
              ? label("text encoders") +
                    "leave memory once the prompts are encoded, before the first iteration\n"
              : "") +
         graphs_line(recipe.train);
}

std::string held_lines(const train::Plan& plan) {
  const train::PlanHeld& held = plan.held;
  return memory_line("text encoder", held.text_encoder) + memory_line("denoiser", held.denoiser) +
         memory_line("vae", held.vae) + memory_line("adapter", held.adapter) +
         memory_line("gradients", held.gradients) + memory_line("optimizer (AdamW)", held.optimizer) +
         memory_line("moving average", held.average) + memory_line("reference", held.reference) +
         memory_line("encoded prompts", held.prompts) + memory_line("held in all", held.total()) +
         memory_line("stored trajectories", plan.trajectories) + memory_line("pictures", plan.pictures) +
         memory_line("rollout's graphs", plan.graphs) + memory_line("activations kept", plan.activations);
}

std::string joined(const std::vector<std::string>& words, const std::string& between,
                   const std::string& last) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i)
    text += (i == 0 ? "" : i + 1 == words.size() ? last : between) + words[i];
  return text;
}

}  // namespace

std::string format_bytes(int64_t bytes) {
  const double mebibytes = double(bytes) / 0x1p20;
  if (mebibytes >= 1000) return print("%.1f GiB", mebibytes / 1024);
  return print(mebibytes >= 10 ? "%.0f MiB" : "%.1f MiB", mebibytes);
}

std::vector<std::string> not_counted(const run::TrainRecipe& recipe) {
  std::vector<std::string> parts{cat("reward ", recipe.reward.kind), cat("judge ", recipe.judge.kind)};
  if (recipe.train.slots.regularizer.kind == "gated_kl")
    for (const rewards::RewardConfig& gate : train::gate_reward_configs(recipe.train))
      parts.push_back(cat("gate ", gate.kind));
  return parts;
}

std::string plan_text(const run::TrainRecipe& recipe, const train::Plan& plan) {
  std::string text = recipe_lines(recipe, plan) + "\n";
  text += label("") + print("%10s  %10s  %10s\n", "TFLOP", "working", "peak");
  for (const train::PlanPhase& phase : plan.phases) text += phase_line(phase);
  text += label("one iteration") + print("%10s\n\n", tflop_text(plan.flops_per_iteration()).c_str());
  text += label("") + print("%10s\n", "memory") + held_lines(plan) + "\n";
  text += memory_line(cat("peak, in ", plan.worst().name), plan.worst().peak);
  text += memory_line("runtime and allocator", plan.runtime_bytes());
  text += memory_line("needed", plan.needed_bytes());
  return text + label("not counted") + joined(not_counted(recipe), ", ", ", ") + "\n";
}

std::string rank_text(const train::RankPlan& rank, const std::vector<train::PlanVariant>& variants) {
  std::string text = label(cat("each of ", rank.ranks, " ranks")) +
                     cat("at most ", rank.pictures, " images, ", tflop_text(rank.flops), " TFLOP, ",
                         format_bytes(rank.sent), " sent per iteration; needs ", format_bytes(rank.needed),
                         rank.divided ? ", with its share of optimizer and average" : "", "\n");
  for (const auto& [change, other] : variants)
    text += label("") + cat(format_bytes(other.sent), " sent; needs ", format_bytes(other.needed), " with ",
                            change, "\n");
  return text;
}

std::string verdict_text(int64_t needed, const std::optional<DeviceMemory>& memory,
                         const train::Advice& advice) {
  if (!memory)
    return "no such device here to compare with; name its memory, for example --device-memory 24GiB";
  if (needed <= memory->bytes)
    return cat("fits: ", format_bytes(needed), " of ", format_bytes(memory->bytes), " (", memory->source,
               ")");
  const std::string fails = cat("does not fit: needs ", format_bytes(needed), ", the device has ",
                                format_bytes(memory->bytes), " (", memory->source, ")");
  if (!advice.alone.empty()) return cat(fails, "; try ", joined(advice.alone, ", ", " or "));
  if (!advice.together.empty())
    return cat(fails, "; try ", joined(advice.together, ", ", " and "), " together");
  return cat(fails, "; a smaller micro-batch and an adapter still need ", format_bytes(advice.least_bytes));
}

}  // namespace gamut::cli
