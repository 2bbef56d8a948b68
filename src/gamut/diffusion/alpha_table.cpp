// SPDX-License-Identifier: Apache-2.0
#include "gamut/diffusion/alpha_table.h"

#include "gamut/core/error.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace gamut::diffusion {
namespace {

// diffusers' betas_for_alpha_bar: beta_j = 1 - f((j+1)/T) / f(j/T), f(u) = cos^2((u + 0.008) / 1.008 pi / 2).
at::Tensor cosine_betas(int64_t count) {
  auto level = [](double u) {
    const double c = std::cos((u + 0.008) / 1.008 * std::numbers::pi / 2);
    return c * c;
  };
  at::Tensor betas = at::empty({count}, at::kFloat);
  for (int64_t j = 0; j < count; ++j)
    betas.mutable_data_ptr<float>()[j] =
        float(std::min(1 - level(double(j + 1) / double(count)) / level(double(j) / double(count)), 0.999));
  return betas;
}

at::Tensor betas(const AlphaTableConfig& config) {
  const int64_t count = config.train_timesteps;
  if (!config.betas.empty()) return at::tensor(config.betas, at::kDouble).to(at::kFloat);
  if (config.beta_schedule == "linear")
    return at::linspace(config.beta_start, config.beta_end, count, at::kFloat);
  if (config.beta_schedule == "scaled_linear")
    return at::linspace(std::sqrt(config.beta_start), std::sqrt(config.beta_end), count, at::kFloat).square();
  if (config.beta_schedule == "squaredcos_cap_v2") return cosine_betas(count);
  throw ConfigError("sampler", cat("unknown beta_schedule '", config.beta_schedule,
                                   "'; expected scaled_linear, linear or squaredcos_cap_v2"));
}

// diffusers' rescale_zero_terminal_snr (arXiv 2305.08891, algorithm 1), operation by operation:
// sqrt(alpha_bar) is shifted to end at 0 and scaled to begin where it did.
at::Tensor rescaled(const at::Tensor& betas) {
  const at::Tensor root = at::cumprod(1 - betas, 0).sqrt();
  const at::Tensor first = root[0].clone(), last = root[-1].clone();
  const at::Tensor bars = ((root - last) * (first / (first - last))).square();
  const int64_t rest = bars.size(0) - 1;
  return 1 - at::cat({bars.narrow(0, 0, 1), bars.narrow(0, 1, rest) / bars.narrow(0, 0, rest)});
}

// numpy rounds halves to even, as nearbyint does in the default rounding mode.
int64_t rounded(double value) { return int64_t(std::nearbyint(value)); }

int64_t leading(const AlphaTableConfig& config, int64_t steps, int64_t i) {
  return (steps - 1 - i) * (config.train_timesteps / steps) + config.steps_offset;
}

// numpy.arange steps by the rounded difference of its first two values.
int64_t trailing(const AlphaTableConfig& config, int64_t steps, int64_t i) {
  const double top = double(config.train_timesteps), ratio = top / double(steps);
  const double difference = (top - ratio) - top;
  return rounded(top + double(i) * difference) - 1;
}

int64_t linspaced(const AlphaTableConfig& config, int64_t steps, int64_t i) {
  const int64_t from_end = steps - 1 - i, top = config.train_timesteps - 1;
  if (from_end == 0) return 0;
  if (i == 0) return top;
  return rounded(double(from_end) * (double(top) / double(steps - 1)));
}

int64_t timestep(const AlphaTableConfig& config, int64_t steps, int64_t i) {
  if (config.spacing == "leading") return leading(config, steps, i);
  if (config.spacing == "trailing") return trailing(config, steps, i);
  if (config.spacing == "linspace") return linspaced(config, steps, i);
  throw ConfigError("sampler",
                    cat("unknown spacing '", config.spacing, "'; expected leading, trailing or linspace"));
}

}  // namespace

void AlphaTableConfig::fields(FieldVisitor& v) {
  const Rule beta = between(0, 1);
  v.field("spacing", spacing, one_of({"model", "leading", "trailing", "linspace"}),
          "ddim: how timesteps are spread; model = as the model's scheduler says, here and below");
  v.field("steps_offset", steps_offset, between(-1, 1000),
          "ddim: added to every timestep of leading; -1 = the model's");
  v.field("beta_schedule", beta_schedule, one_of({"model", "scaled_linear", "linear", "squaredcos_cap_v2"}),
          "ddim: noise table of the model's training");
  v.field("beta_start", beta_start, beta, "ddim: first beta of the table; 0 = the model's");
  v.field("beta_end", beta_end, beta, "ddim: last beta of the table; 0 = the model's");
  v.field("prediction", prediction, one_of({"model", "epsilon", "v_prediction", "sample"}),
          "ddim: what the network predicts");
  v.field("train_timesteps", train_timesteps, between(0, 100000),
          "ddim: length of the table; 0 = the model's");
  v.field("final_alpha", final_alpha, one_of({"model", "table", "one"}),
          "ddim: where the last step ends, at the table's first alpha_bar as DDPO does, or at 1 "
          "(diffusers' set_alpha_to_one), which leaves that step without noise");
}

AlphaTableConfig AlphaTableConfig::filled_from(const AlphaTableConfig& own) const {
  AlphaTableConfig full = *this;
  if (spacing == "model") full.spacing = own.spacing;
  if (steps_offset < 0) full.steps_offset = own.steps_offset;
  if (beta_schedule == "model") full.beta_schedule = own.beta_schedule;
  if (beta_start == 0) full.beta_start = own.beta_start;
  if (beta_end == 0) full.beta_end = own.beta_end;
  if (prediction == "model") full.prediction = own.prediction;
  if (train_timesteps == 0) full.train_timesteps = own.train_timesteps;
  if (final_alpha == "model") full.final_alpha = own.final_alpha;
  return full;
}

AlphaTableConfig AlphaTableConfig::resolved() const {
  return filled_from({.spacing = "leading",
                      .steps_offset = 1,
                      .beta_schedule = "scaled_linear",
                      .beta_start = 0.00085,
                      .beta_end = 0.012,
                      .prediction = "epsilon",
                      .train_timesteps = 1000,
                      .final_alpha = "table"});
}

std::vector<double> alpha_bars(const AlphaTableConfig& given) {
  const AlphaTableConfig config = given.resolved();
  if (config.train_timesteps < 1)
    throw ConfigError("sampler", cat("train_timesteps must be at least 1; got ", config.train_timesteps));
  const at::Tensor own = config.zero_snr ? rescaled(betas(config)) : betas(config);
  const at::Tensor table = at::cumprod(1 - own, 0).to(at::kDouble).contiguous();
  const double* data = table.const_data_ptr<double>();
  std::vector<double> out(data, data + table.numel());
  for (size_t j = 0; j < out.size(); ++j)
    if (!(out[j] > 0 && out[j] < 1) && !(config.zero_snr && out[j] == 0 && j + 1 == out.size()))
      throw ConfigError("sampler",
                        cat("alpha_bar must lie between 0 and 1; got ", out[j], " at timestep ", j,
                            "; check beta_start = ", config.beta_start, " and beta_end = ", config.beta_end));
  return out;
}

std::vector<int64_t> ddim_timesteps(const AlphaTableConfig& given, int64_t steps) {
  const AlphaTableConfig config = given.resolved();
  if (steps < 1 || steps > config.train_timesteps)
    throw ConfigError(
        "sampler", cat("ddim takes 1 to train_timesteps = ", config.train_timesteps, " steps; got ", steps));
  std::vector<int64_t> out;
  for (int64_t i = 0; i < steps; ++i) out.push_back(timestep(config, steps, i));
  if (out.front() >= config.train_timesteps)
    throw ConfigError("sampler",
                      cat("the first timestep must be below train_timesteps = ", config.train_timesteps,
                          "; got ", out.front(), " from ", steps, " steps with steps_offset = ",
                          config.steps_offset, "; take fewer steps or a smaller offset"));
  return out;
}

}  // namespace gamut::diffusion
