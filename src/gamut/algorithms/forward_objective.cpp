// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/forward_objective.h"

#include "gamut/algorithms/algorithm.h"
#include "gamut/core/error.h"
#include "gamut/core/random.h"

#include <ATen/ATen.h>

#include <cmath>

namespace gamut::algorithms {

ForwardObjective::ForwardObjective(const Slots& slots, uint64_t seed)
    : Objective(slots.regularizer),
      times_(slots.objective.times == "grid"           ? Times::kGrid
             : slots.objective.times == "logit_normal" ? Times::kLogitNormal
                                                       : Times::kUniform),
      draws_(slots.objective.draws),
      plain_share_(slots.objective.plain_share),
      seed_(seed),
      process_(slots.sampler) {}

int64_t ForwardObjective::items_per_picture(const IterationSteps&) const { return draws_; }

bool ForwardObjective::anchors(const TrainItem&) const { return true; }

// On the grid a picture's draws visit its levels in an order of its own, each once before any comes again.
double ForwardObjective::time(const diffusion::SampleKey& key, int64_t draw,
                              const IterationSteps& steps) const {
  if (times_ == Times::kGrid) {
    const int64_t count = int64_t(steps.trained.size());
    GAMUT_CHECK(count > 0, "no step's level to train at");
    Stream stream(seed_, "objective.levels", {key.epoch, key.prompt, key.member, draw / count});
    const int64_t index = stream.permutation(count)[size_t(draw % count)];
    return process_.time_of(steps.schedule[size_t(steps.trained[size_t(index)])]);
  }
  Stream stream(seed_, "objective.time", {key.epoch, key.prompt, key.member, draw});
  return times_ == Times::kUniform ? stream.uniform() : 1 / (1 + std::exp(-stream.normal()));
}

diffusion::ForwardPoint ForwardObjective::point(const diffusion::SampleKey& key, int64_t draw,
                                                const IterationSteps& steps) const {
  diffusion::ForwardPoint point = process_.at(time(key, draw, steps), steps.schedule);
  if (plain_share_ == 0) return point;
  Stream stream(seed_, "objective.plain", {key.epoch, key.prompt, key.member, draw});
  point.plain = stream.uniform() < plain_share_;
  return point;
}

std::vector<TrainItem> ForwardObjective::items(const CreditedRows& rows, const IterationSteps& steps) const {
  const at::Tensor clean = rows.trajectories.final_BCHW.to(at::kFloat);
  const diffusion::NoiseSource source{.seed = seed_, .purpose = "objective"};
  std::vector<TrainItem> items;
  for (int64_t draw = 0; draw < draws_; ++draw) {
    std::vector<diffusion::ForwardPoint> points;
    for (const diffusion::SampleKey& key : rows.keys) points.push_back(point(key, draw, steps));
    const at::Tensor noise =
        diffusion::step_noise(source, rows.keys, clean.sizes().slice(1).vec(), draw).to(clean.device());
    const auto part = [&](double diffusion::ForwardPoint::*number) {
      return of_points(points, number, clean, clean.dim());
    };
    using Point = diffusion::ForwardPoint;
    const at::Tensor x = clean * part(&Point::signal) + noise * part(&Point::noise);
    const at::Tensor target = clean * part(&Point::target_clean) + noise * part(&Point::target_noise);
    items.push_back({.index = draw,
                     .x_BCHW = x,
                     .advantage_B = rows.advantages_B,
                     .weight_B = rows.weights_B,
                     .points = std::move(points),
                     .clean_BCHW = clean,
                     .target_BCHW = target});
  }
  return items;
}

LossTerms ForwardObjective::loss(const TrainItem& item, const Predictions& predictions) const {
  LossTerms terms = own_terms(item, predictions);
  if (!predictions.reference.defined()) return terms;
  const bool all = !predictions.anchored.defined();
  const at::Tensor output =
      all ? predictions.current : predictions.current.index_select(0, predictions.anchored);
  at::Tensor weight = all ? item.weight_B : at::ones({predictions.anchored.numel()}, item.weight_B.options());
  if (regularizer_.kind == "kl_x0" || regularizer_.time_power != 0) {
    const at::Tensor counts = distance_weight(regularizer_, item.points, item.x_BCHW);
    weight = weight * (all ? counts : counts.index_select(0, predictions.anchored));
  }
  terms.distance_sum = output_distance_sum(regularizer_, output, predictions.reference, weight);
  return terms;
}

at::Tensor distance_weight(const RegularizerConfig& config,
                           const std::vector<diffusion::ForwardPoint>& points, const at::Tensor& x) {
  using Point = diffusion::ForwardPoint;
  const at::Tensor power = of_points(points, &Point::time, x).pow(config.time_power);
  return config.kind == "kl_x0" ? power * of_points(points, &Point::clean_out, x).square() : power;
}

at::Tensor matching_error(const at::Tensor& output, const at::Tensor& target) {
  return (output - target).square().flatten(1).mean(1);
}

at::Tensor of_points(const std::vector<diffusion::ForwardPoint>& points,
                     double diffusion::ForwardPoint::*number, const at::Tensor& x, int64_t dims) {
  std::vector<double> values;
  for (const diffusion::ForwardPoint& point : points) values.push_back(point.*number);
  std::vector<int64_t> shape(size_t(dims), 1);
  shape.front() = int64_t(points.size());
  return at::tensor(values, at::kDouble).to(x.scalar_type()).to(x.device()).view(shape);
}

}  // namespace gamut::algorithms
