// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/plan.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace gamut::train {
namespace {

using nlohmann::ordered_json;

constexpr int64_t kMiB = int64_t(1) << 20;
// The program with LibTorch, and on top a share of the peak: what allocators cannot fill and libraries copy
// into other layouts. Measured on the CPU; on CUDA, where a context and workspaces come in, as commonly seen.
// docs/plan.md says how far the sums were off.
constexpr int64_t kCpuRuntime = 300 * kMiB, kCudaRuntime = 800 * kMiB;
constexpr double kCpuShare = 0.15, kCudaShare = 0.10;

bool is_in_iteration(const PlanPhase& phase) { return phase.name != "prompts" && phase.name != "evaluation"; }

ordered_json held_json(const PlanHeld& held) {
  return {{"text_encoder", held.text_encoder}, {"denoiser", held.denoiser},   {"vae", held.vae},
          {"adapter", held.adapter},           {"gradients", held.gradients}, {"optimizer", held.optimizer},
          {"average", held.average},           {"reference", held.reference}, {"prompts", held.prompts}};
}

}  // namespace

int64_t PlanHeld::total() const {
  return text_encoder + denoiser + vae + adapter + gradients + optimizer + average + reference + prompts;
}

double Plan::flops_per_iteration() const {
  double flops = 0;
  for (const PlanPhase& phase : phases)
    if (is_in_iteration(phase)) flops += phase.flops;
  return flops;
}

const PlanPhase& Plan::worst() const {
  return *std::ranges::max_element(phases, {}, [](const PlanPhase& phase) { return phase.peak; });
}

int64_t Plan::runtime_bytes() const {
  return (on_cpu ? kCpuRuntime : kCudaRuntime) +
         int64_t((on_cpu ? kCpuShare : kCudaShare) * double(worst().peak));
}

int64_t Plan::needed_bytes() const { return worst().peak + runtime_bytes(); }

ordered_json Plan::to_json() const {
  ordered_json parts = ordered_json::array();
  for (const PlanPhase& phase : phases)
    parts.push_back({{"name", phase.name},
                     {"flops", phase.flops},
                     {"per_iteration", is_in_iteration(phase)},
                     {"working_bytes", phase.working},
                     {"peak_bytes", phase.peak}});
  return {{"parameters",
           {{"text_encoder", parameters.text_encoder},
            {"denoiser", parameters.denoiser},
            {"vae", parameters.vae},
            {"trained", parameters.trained},
            {"int8", parameters.int8}}},
          {"images_per_iteration", batch.pictures},
          {"trained_images_per_iteration", trained_images},
          {"micro_batch", batch.micro_batch},
          {"micro_batches", batch.micro_batches},
          {"updates", batch.updates},
          {"steps", steps},
          {"trained_steps", trained_steps},
          {"flops_per_iteration", flops_per_iteration()},
          {"drops_text_encoders", drops_text_encoders},
          {"held_bytes", held_json(held)},
          {"trajectory_bytes", trajectories},
          {"picture_bytes", pictures},
          {"graph_bytes", graphs},
          {"activation_bytes", activations},
          {"phases", parts},
          {"peak_phase", worst().name},
          {"peak_bytes", worst().peak},
          {"runtime_bytes", runtime_bytes()},
          {"needed_bytes", needed_bytes()}};
}

}  // namespace gamut::train
