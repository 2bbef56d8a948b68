// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/evaluate.h"

#include "gamut/core/clock.h"
#include "gamut/core/error.h"
#include "gamut/core/random.h"
#include "gamut/data/glyphs.h"
#include "gamut/diversity/distances.h"
#include "gamut/diversity/features.h"
#include "gamut/diversity/measures.h"
#include "gamut/diversity/pixels.h"
#include "gamut/diversity/vendi.h"
#include "gamut/nn/images.h"

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include <span>

namespace gamut::eval {
namespace {

double mean_scored(const rewards::Scores& scores, bool exact) {
  double sum = 0, count = 0;
  for (size_t i = 0; i < scores.value.size(); ++i)
    if (scores.failure[i].empty()) {
      sum += exact ? double(scores.exact[i]) : scores.value[i];
      count += 1;
    }
  return count == 0 ? 0 : sum / count;
}

// Adds one prompt's measures; `share` is 1 / prompts.
void add_diversity(std::span<const io::Image> images, const at::Tensor& pictures, double share, Evaluation& out) {
  std::vector<diversity::InkAndGround> colors;
  for (const io::Image& image : images) {
    colors.push_back(diversity::split_colors(image));
    out.contrast += colors.back().contrast * share / double(images.size());
  }
  out.color_pairs += share * diversity::effective_color_pairs(colors);
  out.color_spread += share * diversity::color_spread(images);
  out.pairwise_distance += share * diversity::pixel_pairwise_distance(images);
  out.high_frequency += share * diversity::high_frequency_energy(images);
  out.vendi += share * diversity::vendi_from_features(diversity::pixel_features(pictures));
}

void add_feature_diversity(const at::Tensor& features, double share, Evaluation& out) {
  out.feature_distance += share * diversity::pairwise_mean(diversity::cosine_distances(features));
  out.feature_vendi += share * diversity::vendi_from_features(features);
}

void check_finite(const at::Tensor& pictures) {
  const int64_t count = pictures.size(0), finite = pictures.isfinite().flatten(1).all(1).sum().item<int64_t>();
  if (finite < count)
    throw NumericalError("eval", cat("pictures must be finite numbers; got ", count - finite, " of ", count,
                                     " with a NaN or an infinity; the model's weights are damaged"));
}

bool colors_match(const io::Image& image, const text::Prompt& prompt) {
  const diversity::InkAndGround found = diversity::split_colors(image);
  auto is = [](const diversity::Rgb& rgb, const std::string& name) {
    return data::glyph_colors()[size_t(data::nearest_color(rgb))].name == name;
  };
  return is(found.ink, prompt.attributes.at("ink")) && is(found.ground, prompt.attributes.at("ground"));
}

std::optional<double> colors_obeyed(const std::vector<io::Image>& images, const std::vector<text::Prompt>& prompts) {
  const size_t members = images.size() / prompts.size();
  double obeyed = 0, asked = 0;
  for (size_t i = 0; i < images.size(); ++i) {
    const text::Prompt& prompt = prompts[i / members];
    if (!prompt.attributes.contains("ink") || !prompt.attributes.contains("ground")) continue;
    obeyed += colors_match(images[i], prompt);
    asked += 1;
  }
  if (asked == 0) return std::nullopt;
  return obeyed / asked;
}

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
  v.field("prompts", prompts, any_value(), "prompt set; \"\" = the training prompts");
  v.field("every", every, at_least(1), "iterations between two evaluations; the base and the end always count");
  v.field("members", members, between(2, 4096), "pictures per prompt; diversity is comparable at equal members only");
  v.field("steps", steps, between(1, 1000), "ODE steps");
  v.field("seed", seed, at_least(0), "names the evaluation's noise, disjoint from training's");
  v.field("micro_batch", micro_batch, at_least(1), "pictures per forward pass");
  v.field("guidance_scale", guidance_scale, between(0, 100), "classifier-free guidance; 1 = off");
  v.field("features", features, one_of(rewards::feature_kinds()), "what feature_distance and feature_vendi look at");
  v.field("features_model", features_model, any_value(), "clip: folder of the CLIP model");
}

namespace {

// Visits every number of an evaluation with its key in evals.jsonl, in order.
template <class AnyEvaluation, class Visit>
void visit_numbers(AnyEvaluation& e, Visit visit) {
  visit("reward", e.reward);
  visit("judge", e.judge);
  visit("reward_exact", e.reward_exact);
  visit("judge_exact", e.judge_exact);
  visit("reward_failures", e.reward_failures);
  visit("judge_failures", e.judge_failures);
  visit("color_pairs", e.color_pairs);
  visit("color_spread", e.color_spread);
  visit("pairwise_distance", e.pairwise_distance);
  visit("vendi", e.vendi);
  visit("feature_distance", e.feature_distance);
  visit("feature_vendi", e.feature_vendi);
  visit("high_frequency", e.high_frequency);
  visit("contrast", e.contrast);
  visit("prompts", e.prompts);
  visit("members", e.members);
  visit("eval_steps", e.steps);
  visit("seed", e.seed);
  visit("seconds", e.seconds);
}

}  // namespace

nlohmann::ordered_json Evaluation::to_json() const {
  nlohmann::ordered_json row;
  visit_numbers(*this, [&](const char* key, auto value) { row[key] = value; });
  row["colors_obeyed"] = colors_obeyed ? nlohmann::ordered_json(*colors_obeyed) : nlohmann::ordered_json();
  return row;
}

Evaluation evaluation_from_json(const nlohmann::json& row) {
  Evaluation out;
  visit_numbers(out, [&](const char* key, auto& value) {
    if (!row.contains(key) || !row[key].is_number())
      throw DataError("eval", cat("an evaluation's row must hold the number '", key, "'"));
    row[key].get_to(value);
  });
  if (row.contains("colors_obeyed") && row["colors_obeyed"].is_number()) out.colors_obeyed = row["colors_obeyed"].get<double>();
  return out;
}

Evaluation measure(const at::Tensor& pictures, const std::vector<text::Prompt>& prompts, const Judges& judges) {
  const int64_t members = pictures.size(0) / int64_t(prompts.size());
  std::vector<text::Prompt> asked;
  for (const text::Prompt& prompt : prompts) asked.insert(asked.end(), size_t(members), prompt);
  check_finite(pictures);
  const rewards::Scores reward = rewards::score_checked(judges.reward, pictures, asked),
                        judge = rewards::score_checked(judges.judge, pictures, asked);

  Evaluation out;
  out.reward = mean_scored(reward, false);
  out.reward_exact = mean_scored(reward, true);
  out.reward_failures = reward.num_failed();
  out.judge = mean_scored(judge, false);
  out.judge_exact = mean_scored(judge, true);
  out.judge_failures = judge.num_failed();
  out.prompts = int64_t(prompts.size());
  out.members = members;
  const std::vector<io::Image> images = nn::tensor_to_images(pictures);
  const at::Tensor features =
      judges.features ? judges.features->extract(pictures) : diversity::pixel_features(pictures);
  const double share = 1.0 / double(out.prompts);
  for (int64_t p = 0; p < out.prompts; ++p) {
    add_diversity(std::span(images).subspan(size_t(p * members), size_t(members)),
                  pictures.narrow(0, p * members, members), share, out);
    add_feature_diversity(features.narrow(0, p * members, members), share, out);
  }
  out.colors_obeyed = colors_obeyed(images, prompts);
  return out;
}

Evaluation evaluate(const models::Pipeline& pipe, const std::vector<text::Prompt>& prompts, const Judges& judges,
                    const EvalConfig& config, at::Tensor* pictures) {
  const Stopwatch watch;
  const SamplingOptions options{.schedule = deterministic_schedule(pipe, config.steps),
                                .noise = {.seed = uint64_t(config.seed), .purpose = "eval"},
                                .members = config.members,
                                .micro_batch = config.micro_batch,
                                .guidance_scale = config.guidance_scale};
  const at::Tensor initial = sampling_noise(pipe, int64_t(prompts.size()), options);
  const at::Tensor latents = sample_latents(pipe, texts(prompts), initial, options);
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
