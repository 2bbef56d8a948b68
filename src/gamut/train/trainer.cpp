// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/trainer.h"

#include "gamut/core/clock.h"
#include "gamut/core/error.h"
#include "gamut/diffusion/step.h"
#include "gamut/models/guidance.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace gamut::train {
namespace {

using Places = std::vector<std::vector<SamplePlace>>;

// The networks' time input of flow models.
constexpr double kModelTime = 1000.0;

std::vector<nn::NamedTensor> trainable(models::Pipeline& policy) {
  policy.denoiser_params().require_grad(true);
  policy.text_encoder_params().require_grad(false);
  return policy.denoiser_params().params();
}

diffusion::Velocity velocity_of(const models::Pipeline& pipe, models::Conditioning cond,
                                models::Conditioning unconditional, double guidance) {
  return [&pipe, cond = std::move(cond), unconditional = std::move(unconditional), guidance](
             const at::Tensor& x, const diffusion::Step& step) {
    return models::predict_guided(pipe, x, kModelTime * step.sigma, cond, unconditional, guidance);
  };
}

std::vector<std::string> texts(const std::vector<text::Prompt>& prompts) {
  std::vector<std::string> out;
  for (const text::Prompt& prompt : prompts) out.push_back(prompt.text);
  return out;
}

// Mean and population standard deviation over scored pictures.
void report_rewards(const rewards::Scores& scores, StepReport& report) {
  double sum = 0, squares = 0, exact = 0, count = 0;
  for (size_t i = 0; i < scores.value.size(); ++i) {
    if (!scores.failure[i].empty()) continue;
    sum += scores.value[i];
    squares += scores.value[i] * scores.value[i];
    exact += scores.exact[i];
    count += 1;
  }
  report.reward_failures = scores.num_failed();
  if (count == 0) return;
  report.reward_mean = sum / count;
  report.reward_std = std::sqrt(std::max(0.0, squares / count - report.reward_mean * report.reward_mean));
  report.reward_exact = exact / count;
}

}  // namespace

Trainer::Trainer(const TrainConfig& config, models::Pipeline policy, rewards::Reward& reward,
                 std::vector<text::Prompt> prompts)
    : config_(config),
      policy_(std::move(policy)),
      reward_(reward),
      prompts_(std::move(prompts)),
      plan_(make_batch_plan(config.rollout, int64_t(prompts_.size()))),
      schedule_(diffusion::make_schedule(config.slots.sampler)),
      params_(trainable(policy_)),
      optimizer_(params_, config.optimizer),
      ema_(params_, config.ema),
      guard_(config.guard) {
  // Fails now, not in the first iteration, when no step can train.
  algorithms::choose_steps(config_.slots.schedule, schedule_, uint64_t(config_.seed), 0);
  prompt_conditioning_ = policy_.encode(texts(prompts_));
  empty_conditioning_ = policy_.encode({""});
  if (config_.slots.regularizer.is_on())
    reference_ = std::make_unique<models::Pipeline>(models::Pipeline::open(config_.model, policy_.options()));
}

StepReport Trainer::iterate() {
  const Stopwatch total;
  Stopwatch part;
  StepReport report;
  const int64_t iteration = steps_done_;
  const uint64_t seed = uint64_t(config_.seed);
  report.step = iteration + 1;
  report.images = plan_.pictures;

  const Places places =
      place_samples(plan_, draw_prompts(plan_, int64_t(prompts_.size()), seed, iteration), iteration);
  const std::vector<int64_t> trained_steps =
      algorithms::choose_steps(config_.slots.schedule, schedule_, seed, iteration);

  std::vector<at::Tensor> pictures;
  std::vector<MicroBatch> batches = roll_out(places, pictures);
  report.seconds_rollout = part.restart();

  const rewards::Scores scores = score(places, pictures, report);
  report.seconds_reward = part.restart();

  assign_credit(places, scores, batches, report);
  add_reference_means(batches, places, trained_steps);
  update(batches, trained_steps, report);
  report.seconds_update = part.restart();

  ++steps_done_;
  report.seconds_total = total.seconds();
  return report;
}

std::vector<MicroBatch> Trainer::roll_out(const Places& places, std::vector<at::Tensor>& pictures) {
  at::NoGradGuard no_grad;
  const diffusion::NoiseSource source{.seed = uint64_t(config_.seed), .purpose = "rollout"};
  const std::vector<int64_t> shape = policy_.latent_shape();
  std::vector<MicroBatch> batches;
  for (const std::vector<SamplePlace>& rows : places) {
    std::vector<diffusion::SampleKey> keys;
    for (const SamplePlace& row : rows) keys.push_back(row.key);
    MicroBatch& batch = batches.emplace_back();
    batch.velocity = velocity_of(policy_, conditioning(prompt_conditioning_, rows), empty_conditioning_,
                                 config_.rollout.guidance_scale);
    const at::Tensor initial = diffusion::initial_noise(source, keys, shape).to(policy_.options().device);
    batch.trajectories = diffusion::rollout(
        schedule_, initial, batch.velocity,
        [&](int64_t step) { return diffusion::step_noise(source, keys, shape, step); },
        {.keep_latents = true, .decode_clean = config_.slots.sampler.decode == "x0_last"});
    pictures.push_back(policy_.decode(batch.trajectories.final_BCHW));
  }
  return batches;
}

rewards::Scores Trainer::score(const Places& places, const std::vector<at::Tensor>& pictures, StepReport& report) {
  std::vector<text::Prompt> asked;
  for (const auto& rows : places)
    for (const SamplePlace& row : rows) asked.push_back(prompts_[size_t(row.key.prompt)]);
  rewards::Scores scores = rewards::score_checked(reward_, at::cat(pictures).to(at::kCPU), asked);
  report_rewards(scores, report);
  if (report.reward_failures == 0) return scores;
  const auto first = std::find_if(scores.failure.begin(), scores.failure.end(),
                                  [](const std::string& why) { return !why.empty(); });
  if (config_.guard.on_reward_failure == "stop" || report.reward_failures == plan_.pictures)
    throw NumericalError("reward", cat("the reward '", reward_.name(), "' failed for ", report.reward_failures, " of ",
                                       plan_.pictures, " pictures in iteration ", report.step, "; first reason: ",
                                       *first));
  return scores;
}

void Trainer::assign_credit(const Places& places, const rewards::Scores& scores, std::vector<MicroBatch>& batches,
                            StepReport& report) {
  std::vector<algorithms::Group> groups(size_t(plan_.prompts));
  size_t i = 0;
  for (const auto& rows : places)
    for (const SamplePlace& row : rows) {
      groups[size_t(row.slot)].rewards.push_back(scores.value[i]);
      groups[size_t(row.slot)].scored.push_back(scores.failure[i].empty());
      ++i;
    }
  const algorithms::Credit credit = algorithms::assign_credit(groups, config_.slots.advantage);
  report.zero_std_ratio = double(credit.zero_std_groups) / double(plan_.prompts);
  report.advantage_abs_mean = credit.advantage_abs_mean;

  for (size_t m = 0; m < batches.size(); ++m) {
    std::vector<float> advantages, weights;
    for (const SamplePlace& row : places[m]) {
      advantages.push_back(float(credit.advantages[size_t(row.slot)][size_t(row.key.member)]));
      weights.push_back(credit.trained[size_t(row.slot)][size_t(row.key.member)]);
      report.trained_images += weights.back() != 0;
    }
    batches[m].advantages_B = at::tensor(advantages).to(policy_.options().device);
    batches[m].weights_B = at::tensor(weights).to(policy_.options().device);
  }
}

// The reference depends only on stored latents, so one pass serves every update of the iteration.
void Trainer::add_reference_means(std::vector<MicroBatch>& batches, const Places& places,
                                  const std::vector<int64_t>& trained_steps) {
  if (!reference_) return;
  at::NoGradGuard no_grad;
  for (size_t m = 0; m < batches.size(); ++m) {
    const diffusion::Velocity velocity = velocity_of(*reference_, conditioning(prompt_conditioning_, places[m]),
                                                     empty_conditioning_, config_.rollout.guidance_scale);
    for (const int64_t index : trained_steps) {
      const diffusion::Step& step = schedule_[size_t(index)];
      const at::Tensor& x = batches[m].trajectories.latents[size_t(index)];
      batches[m].reference[index] = diffusion::step_mean(step, x, velocity(x, step));
    }
  }
}

void Trainer::update(std::vector<MicroBatch>& batches, const std::vector<int64_t>& trained_steps,
                     StepReport& report) {
  const UpdateInputs inputs{.schedule = schedule_, .trained_steps = trained_steps, .slots = config_.slots};
  for (int64_t u = 0; u < plan_.updates; ++u) {
    std::vector<MicroBatch*> mine;
    for (size_t m = size_t(u); m < batches.size(); m += size_t(plan_.updates)) mine.push_back(&batches[m]);
    const UpdateReport done = accumulate_gradient(mine, inputs, optimizer_);
    if (u == 0) {
      report.ratio_max_deviation = done.ratio_max_deviation;
      if (done.finite) guard_.check_ratio(done.ratio_max_deviation, report.step);
    }
    // Means over the iteration's updates.
    const double share = 1.0 / double(plan_.updates);
    report.policy_loss += done.loss * share;
    report.kl += done.kl * share;
    report.approx_kl += done.approx_kl * share;
    report.clip_fraction += done.clip_fraction * share;
    report.grad_norm += done.grad_norm * share;
    if (done.trained > 0) {
      if (guard_.admits(done.finite, done.grad_norm, report.step)) {
        optimizer_.clip_gradients(optimizer_.grad_norm());
        optimizer_.step();
        ema_.update(++updates_done_);
        ++report.updates;
      } else {
        ++report.skipped;
      }
    }
    optimizer_.zero_grad();
  }
  report.skipped_total = guard_.skipped_total();
}

models::Conditioning Trainer::conditioning(const models::Conditioning& all,
                                           const std::vector<SamplePlace>& places) const {
  std::vector<int64_t> rows;
  for (const SamplePlace& place : places) rows.push_back(place.key.prompt);
  return all.select(rows);
}

void Trainer::save(const std::filesystem::path& run) {
  save_checkpoint(run, steps_done_, {.weights = params_, .optimizer = optimizer_, .ema = ema_},
                  {{"guard", guard_.state()}, {"updates_done", updates_done_}}, config_.checkpoint.keep);
}

void Trainer::resume(const std::filesystem::path& checkpoint) {
  const nlohmann::json state =
      load_checkpoint(checkpoint, {.weights = params_, .optimizer = optimizer_, .ema = ema_});
  steps_done_ = state.at("step").get<int64_t>();
  updates_done_ = state.at("updates_done").get<int64_t>();
  guard_.load_state(state.at("guard"));
}

}  // namespace gamut::train
