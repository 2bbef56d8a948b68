// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/evaluate.h"

#include "gamut/core/clock.h"
#include "gamut/core/error.h"
#include "gamut/diversity/features.h"
#include "gamut/rewards/gather_scores.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <tuple>

namespace gamut::eval {
namespace {

struct Drawn {
  at::Tensor pictures, norms_SB;
};

Drawn draw(const models::Pipeline& pipe, const std::vector<text::Prompt>& prompts, const EvalConfig& config,
           comm::Group* group) {
  PredictionNorms norms;
  SamplingOptions options{.schedule = noise_process(pipe).deterministic(config.steps),
                          .noise = {.seed = uint64_t(config.seed), .purpose = "eval"},
                          .members = config.members,
                          .micro_batch = config.micro_batch > 0 ? config.micro_batch : pipe.usual_batch(),
                          .guidance = {.scale = config.guidance_scale},
                          .norms = &norms};
  const at::Tensor initial = sampling_noise(pipe, int64_t(prompts.size()), options);
  rewards::Share mine{.is_all = true};
  if (group != nullptr) mine = rewards::share_of(initial.size(0), *group);
  if (!mine.is_all) std::tie(options.first, options.last) = std::tie(mine.first, mine.last);
  const at::Tensor latents =
      sample_latents(pipe, encode_prompts(pipe, text::texts_of(prompts)), initial, options);
  const at::Tensor pictures = pipe.decode(latents);
  if (mine.is_all) return {pictures, norms.all()};
  return {group->gather_rows(pictures).to(pictures.device()),
          group->gather_rows(norms.all().t()).t().contiguous()};
}

Measured finish(Measured result, const EvalConfig& config, const Stopwatch& watch) {
  result.numbers.steps = config.steps;
  result.numbers.seed = config.seed;
  result.numbers.seconds = watch.seconds();
  return result;
}

}  // namespace

void EvalConfig::fields(FieldVisitor& v) {
  v.field("prompts", prompts, input_path(), "prompt set; \"\" = the training prompts");
  v.field("heldout", heldout, input_path(), "prompt set never trained on, measured beside; \"\" = none");
  v.field("every", every, at_least(1),
          "iterations between two evaluations; the base and the end always count");
  v.field("at", at, at_least(1),
          "the iterations to evaluate, in place of every; the base and the end always count, and those after "
          "the end do not "
          "come");
  v.field("members", members, between(2, 4096),
          "pictures per prompt; diversity is comparable at equal members only");
  v.field("heldout_members", heldout_members, between(2, 4096), "pictures per held-out prompt");
  v.field("steps", steps, between(1, 1000), "ODE steps");
  v.field("seed", seed, at_least(0), "names the evaluation's noise, disjoint from training's");
  v.field("report_seed", report_seed, at_least(-1),
          "a second evaluation, for numbers of checkpoints chosen by the first; -1 = none");
  v.field("raw", raw, any_value(), "evaluate the weights without averaging too");
  v.field("micro_batch", micro_batch, between(0, 65536),
          "pictures per forward pass; 0 = 64 of a small model, 4 of Stable Diffusion's size");
  v.field("guidance_scale", guidance_scale, between(0, 100),
          "classifier-free guidance; 1 = off, 0 = without the prompt (diffusers: 0 = off)");
  v.field("classes_model", classes_model, input_path(),
          "folder of a classifier of the task's pictures, for the measures of its classes (glyphs: "
          "face_modes, style_modes); "
          "\"\" = none");
  features.fields(v, "what feature_distance, feature_vendi and recall look at");
}

bool EvalConfig::is_due(int64_t step, int64_t iterations) const {
  if (step == 0 || step == iterations) return true;
  return at.empty() ? step % every == 0 : std::find(at.begin(), at.end(), step) != at.end();
}

std::vector<EvalPass> eval_passes(const EvalConfig& config) {
  if (config.report_seed == config.seed)
    throw ConfigError(
        "eval", cat("eval.report_seed must differ from eval.seed, or checkpoints are reported on what they "
                    "were chosen by; both are ",
                    config.seed));
  std::vector<EvalPass> passes{{}};
  if (config.report_seed >= 0) passes.push_back({.role = "report"});
  if (!config.heldout.empty()) passes.push_back({.set = "heldout"});
  if (config.raw) passes.push_back({.weights = "raw"});
  return passes;
}

EvalConfig config_of(const EvalPass& pass, EvalConfig config) {
  if (pass.role == "report") config.seed = config.report_seed;
  if (pass.set == "heldout") config.members = config.heldout_members;
  return config;
}

Measured evaluate(const models::Pipeline& pipe, const std::vector<text::Prompt>& prompts,
                  const Judges& judges, const EvalConfig& config, const BasePass& base) {
  const Stopwatch watch;
  const Drawn drawn = draw(pipe, prompts, config, judges.group);
  return finish(measure(drawn.pictures, prompts, judges, drawn.norms_SB, base), config, watch);
}

Trace trace_of(const models::Pipeline& pipe, const std::vector<text::Prompt>& prompts, const Judges& judges,
               const EvalConfig& config) {
  const Drawn drawn = draw(pipe, prompts, config, judges.group);
  return {judges.features ? judges.features->extract(drawn.pictures)
                          : diversity::pixel_features(drawn.pictures).to(at::kCPU),
          drawn.norms_SB};
}

Measured evaluate_pictures(const at::Tensor& pictures, const std::vector<text::Prompt>& prompts,
                           const Judges& judges, const EvalConfig& config) {
  const Stopwatch watch;
  return finish(measure(pictures, prompts, judges), config, watch);
}

}  // namespace gamut::eval
