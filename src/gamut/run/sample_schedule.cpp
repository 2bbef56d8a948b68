// SPDX-License-Identifier: Apache-2.0
#include "gamut/run/sample_schedule.h"

#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/core/names.h"
#include "gamut/eval/sampling.h"

#include <algorithm>

namespace gamut::run {
namespace {

// Nobody asked for a sampler: the model's own, or what takes its place, which is said.
std::vector<diffusion::Step> default_schedule(const models::Pipeline& pipe, int64_t steps) {
  if (const std::string& problem = pipe.scheduler().own_problem; !problem.empty())
    log_info(cat("the model's own sampler, ", problem,
                 ", is not computed; DDIM takes its place on the same noise table"));
  return eval::noise_process(pipe).deterministic(steps);
}

void check_names(const SampleSchedule& asked) {
  const std::vector<std::string> samplers{"", "ode", "flow_sde", "ddim", "euler"};
  if (std::ranges::find(samplers, asked.sampler) == samplers.end())
    throw ConfigError("usage", cat("the sampler must be ode, flow_sde, ddim or euler; got '",
                                   printable(asked.sampler), "'"));
  if (asked.eta != 0 && asked.sampler != "ddim")
    throw ConfigError("usage", cat("--eta belongs to --sampler ddim; got ",
                                   asked.sampler.empty() ? "none" : "--sampler " + asked.sampler));
}

}  // namespace

std::vector<diffusion::Step> sample_schedule(const models::Pipeline& pipe, const SampleSchedule& asked) {
  check_names(asked);
  const diffusion::NoiseProcess process = eval::noise_process(pipe);
  if (asked.sampler == "ddim") return process.ddim(asked.steps, asked.eta);
  const bool own_euler = pipe.scheduler().class_name == "EulerDiscreteScheduler";
  if (asked.sampler == "euler") return own_euler ? process.own(asked.steps) : process.euler(asked.steps);
  const bool own_levels = asked.grid.empty() && asked.shift == 0;
  if (own_levels && asked.sampler.empty()) return default_schedule(pipe, asked.steps);
  if (own_levels && asked.sampler == "ode") return process.own(asked.steps);
  diffusion::SamplerConfig
      config;  // assigned: g++ 12 takes the designated form for a use before initialization
  config.kind = asked.sampler.empty() ? "ode" : asked.sampler;
  config.steps = asked.steps;
  config.noise_level = asked.noise_level;
  std::vector<double> sigmas = process.sigmas(asked.steps);  // DataError unless a flow model
  if (!own_levels)
    sigmas = diffusion::make_sigmas({.kind = asked.grid.empty() ? "sd3_diffusers" : asked.grid,
                                     .steps = asked.steps,
                                     .shift = asked.shift == 0 ? pipe.scheduler().shift : asked.shift});
  return diffusion::make_schedule(config, sigmas);
}

}  // namespace gamut::run
