// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/evaluate.h"

#include "gamut/core/clock.h"
#include "gamut/core/error.h"
#include "gamut/core/random.h"
#include "gamut/data/glyphs.h"
#include "gamut/nn/images.h"

#include <ATen/ATen.h>

namespace gamut::eval {
namespace {

std::vector<std::string> texts(const std::vector<text::Prompt>& prompts) {
  std::vector<std::string> out;
  for (const text::Prompt& prompt : prompts) out.push_back(prompt.text);
  return out;
}

Evaluation finish(Evaluation result, const EvalConfig& config, const Stopwatch& watch) {
  result.steps = config.steps;
  result.seed = config.seed;
  result.seconds = watch.seconds();
  return result;
}

}  // namespace

void EvalConfig::fields(FieldVisitor& v) {
  v.field("prompts", prompts, input_path(), "prompt set; \"\" = the training prompts");
  v.field("heldout", heldout, input_path(), "prompt set never trained on, measured beside; \"\" = none");
  v.field("every", every, at_least(1), "iterations between two evaluations; the base and the end always count");
  v.field("members", members, between(2, 4096), "pictures per prompt; diversity is comparable at equal members only");
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
  v.field("features", features, one_of(rewards::feature_kinds()), "what feature_distance and feature_vendi look at");
  v.field("features_model", features_model, input_path(), "clip: folder of the CLIP model");
}

std::vector<EvalPass> eval_passes(const EvalConfig& config) {
  if (config.report_seed == config.seed)
    throw ConfigError("eval", cat("eval.report_seed must differ from eval.seed, or checkpoints are reported on what they "
                                  "were chosen by; both are ", config.seed));
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

Evaluation evaluate(const models::Pipeline& pipe, const std::vector<text::Prompt>& prompts, const Judges& judges,
                    const EvalConfig& config, at::Tensor* pictures) {
  const Stopwatch watch;
  const SamplingOptions options{.schedule = noise_process(pipe).deterministic(config.steps),
                                .noise = {.seed = uint64_t(config.seed), .purpose = "eval"},
                                .members = config.members,
                                .micro_batch = config.micro_batch > 0 ? config.micro_batch : pipe.usual_batch(),
                                .guidance = {.scale = config.guidance_scale}};
  const at::Tensor initial = sampling_noise(pipe, int64_t(prompts.size()), options);
  const at::Tensor latents = sample_latents(pipe, encode_prompts(pipe, texts(prompts)), initial, options);
  const at::Tensor drawn = pipe.decode(latents.to(pipe.options().device)).to(at::kCPU);
  if (pictures) *pictures = drawn;
  return finish(measure(drawn, prompts, judges), config, watch);
}

Evaluation evaluate_data(const std::vector<text::Prompt>& prompts, const Judges& judges, const EvalConfig& config,
                         at::Tensor* pictures) {
  const Stopwatch watch;
  data::GlyphRenderer renderer;
  std::vector<io::Image> images;
  for (size_t p = 0; p < prompts.size(); ++p) {
    const size_t character = data::glyph_characters().find(prompts[p].target);
    if (prompts[p].target.size() != 1 || character == std::string::npos)
      throw DataError("eval", cat("real glyphs need a one-character target; got \"", prompts[p].target,
                                  "\" for prompt \"", prompts[p].text, "\""));
    for (int64_t m = 0; m < config.members; ++m) {
      Stream stream(uint64_t(config.seed), "eval.data", {int64_t(p), m});
      data::GlyphSpec spec = renderer.draw(stream);
      spec.character = int64_t(character);
      images.push_back(renderer.render(spec));
    }
  }
  const at::Tensor drawn = nn::images_to_tensor(images);
  if (pictures) *pictures = drawn;
  return finish(measure(drawn, prompts, judges), config, watch);
}

}  // namespace gamut::eval
