// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/trainer.h"

#include "gamut/core/clock.h"
#include "gamut/core/error.h"
#include "gamut/train/failed_scores.h"
#include "gamut/train/iteration_report.h"
#include "gamut/train/policy.h"
#include "gamut/train/shared.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace gamut::train {
namespace {

template <class Work>
auto within(Hooks& hooks, Span span, const Work& work) {
  const InSpan open(hooks, span);
  return work();
}

}  // namespace

Trainer::Trainer(const TrainConfig& config, models::Pipeline policy, rewards::Reward& reward,
                 std::vector<text::Prompt> prompts, Hooks& hooks)
    : Trainer(config, std::move(policy), reward, std::move(prompts), hooks, nullptr) {}

Trainer::Trainer(const TrainConfig& config, models::Pipeline policy, rewards::Reward& reward,
                 std::vector<text::Prompt> prompts, comm::Group& group)
    : Trainer(config, std::move(policy), reward, std::move(prompts), Hooks::none(), &group) {}

Trainer::Trainer(const TrainConfig& config, models::Pipeline policy, rewards::Reward& reward,
                 std::vector<text::Prompt> prompts, Hooks& hooks, comm::Group* group)
    : hooks_(hooks),
      own_group_(group == nullptr ? std::make_unique<comm::Group>() : nullptr),
      group_(group == nullptr ? *own_group_ : *group),
      config_(config),
      policy_(std::move(policy)),
      reward_(reward),
      scoring_(reward),
      prompts_(std::move(prompts)),
      process_(rollout_process(config_, policy_)),
      objective_(make_objective(config_, process_)),
      plan_(make_batch_plan(config.rollout, config.slots.subset, int64_t(prompts_.size()),
                            policy_.usual_batch())),
      slices_(plan_, config.slots.subset.is_on(), group_.rank(), group_.size()),
      params_(within(hooks_, Span::kAdapter, [&] { return make_trainable(config_, policy_); })),
      shards_(config.divides_state() ? Shards(params_, group_) : Shards()),
      optimizer_(within(hooks_, Span::kOptimizer, [&] { return AdamW(params_, config.optimizer, shards_); })),
      ema_(within(hooks_, Span::kAverage, [&] { return Ema(params_, config.ema, shards_); })),
      guard_(config.guard),
      actor_(within(hooks_, Span::kPrompts,
                    [&] { return Actor(config_, policy_, prompts_, objective_->needs()); })),
      crediting_(config_),
      gate_(config_),
      policies_(within(hooks_, Span::kPolicies,
                       [&] { return PolicySet(config_, policy_, params_, objective_->needs()); })),
      anchor_(config_.slots.regularizer) {
  if (config_.slots.objective.buffer > 0 && hooks_.has_data())
    buffer_.emplace(config_.slots.objective, plan_.pictures, policy_.latent_shape());
  policy_.set_gradient_checkpointing(config.gradient_checkpointing);
  check_slots(config_, policy_, process_, objective_->needs());  // fails now, not in the first iteration
  gate_.check_prompts(prompts_, config_.rollout.prompts);
  check_same_weights(params_, group_);
}

bool Trainer::drop_text_encoders(const std::vector<std::vector<std::string>>& evaluated) {
  int64_t prompts = int64_t(prompts_.size());
  for (const std::vector<std::string>& list : evaluated) prompts += int64_t(list.size());
  if (!may_drop_text_encoders(policy_, prompts)) return false;
  actor_.encode_prompts();
  for (const std::vector<std::string>& list : evaluated) policy_.keep_encoded(list);
  policy_.drop_text_encoders();
  return true;
}

StepReport Trainer::iterate() {
  const Stopwatch total;
  Stopwatch part;
  StepReport report;
  report.step = steps_done_ + 1;
  report.images = plan_.pictures;
  report.learning_rate =
      config_.optimizer.learning_rate * config_.lr_schedule.share(steps_done_, config_.iterations);
  const uint64_t seed = uint64_t(config_.seed);
  const algorithms::IterationSteps steps = algorithms::iteration_steps(
      config_.slots, objective_->needs(), process_.iteration(seed, steps_done_), seed, steps_done_);
  UpdateInputs inputs{.steps = steps, .objective = *objective_};

  const auto enter = [&](const char* phase) { group_.enter(cat(phase, " of iteration ", report.step)); };
  enter("rollout");
  hooks_.expect(inputs);
  draw_base();
  Drawn drawn = roll_out(inputs);
  report.seconds_rollout = part.restart();

  enter("reward");
  const rewards::Scores scores = score(drawn, report);
  report.seconds_reward = part.restart();

  const RowCredit credit = assign_credit(drawn, scores, inputs, report);
  const std::vector<uint8_t> regularized =
      gate_.open(scores, share(gate_.score(drawn.pictures, drawn.prompts), slices_, group_));
  follow_variety(drawn.batches, inputs, report);
  report.seconds_credit = part.restart();

  enter("reference");
  if (policies_.follows_average()) policies_.follow_average(ema_.weights());
  std::vector<MicroBatch> batches;
  {
    const InSpan others(hooks_, Span::kOthers);
    batches = make_batches(choose_rows(std::move(drawn.batches), credit, regularized, report), inputs);
  }
  report.seconds_reference = part.restart();

  enter("update");
  update(batches, inputs, report);
  if (config_.slots.regularizer.kind == "gated_kl") report.gate_share = gate_.share();
  if (config_.slots.regularizer.reference == "periodic")
    report.reference_renewed = policies_.renew(report.kl);
  policies_.age_old(updates_done_);
  report.seconds_update = part.restart();

  ++steps_done_;
  report.seconds_total = total.seconds();
  return report;
}

Drawn Trainer::roll_out(const UpdateInputs& inputs) {
  std::set<int64_t> graph_steps;
  if (why_no_rollout_graphs(config_).empty())
    graph_steps.insert(inputs.steps.trained.begin(), inputs.steps.trained.end());
  const std::vector<int64_t> prompts =
      draw_prompts(plan_, int64_t(prompts_.size()), uint64_t(config_.seed), steps_done_);
  const PolicySet::Use behavior = policies_.use(algorithms::Policy::kOld);
  drawn_rows_ = all_rows(sample_rows(plan_, prompts, steps_done_), prompts_);
  std::vector<Rollout> batches;
  for (const std::vector<int64_t>& places : slices_.batches()) {
    std::vector<SampleRow> rows;
    for (const int64_t place : places) rows.push_back(drawn_rows_.rows[size_t(place)]);
    batches.push_back(hooks_.draw(batches, rows,
                                  [&] { return actor_.roll_out(inputs.steps.schedule, rows, graph_steps); }));
    if (scoring_.overlaps()) scoring_.add(batches.back().pictures, all_rows({rows}, prompts_).prompts);
  }
  return gather(std::move(batches), prompts_);
}

rewards::Scores Trainer::score(const Drawn& drawn, StepReport& report) {
  rewards::Scores own = scoring_.overlaps() ? scoring_.finish()
                                            : rewards::score_checked(reward_, drawn.pictures, drawn.prompts);
  rewards::Scores scores = share(std::move(own), slices_, group_);
  report_rewards(scores, reward_.reads_text(), report);
  if (report.reward_failures == 0) return scores;
  if (config_.guard.on_reward_failure == "stop" || report.reward_failures == plan_.pictures)
    refuse_scores(scores, drawn.pictures,
                  {.reward = reward_.name(), .iteration = report.step, .updated = updates_done_ > 0}, group_);
  return scores;
}

RowCredit Trainer::assign_credit(const Drawn& drawn, const rewards::Scores& scores,
                                 const UpdateInputs& inputs, StepReport& report) {
  RowCredit credit = hooks_.credit(drawn, [&] {
    const Looks looks = share(crediting_.look(drawn, policy_, inputs.steps.trained), slices_, group_);
    return crediting_.assign(
        drawn_rows_, looks, scores,
        {.keep = plan_.keep, .iteration = steps_done_, .base = base_ ? &*base_ : nullptr});
  });
  report_credit(credit, config_.slots, report);
  if (config_.slots.subset.is_on())
    guard_.watch_subset(credit.groups.subset_fallbacks, int64_t(credit.groups.groups.size()));
  if (credit_observer_)
    credit_observer_(
        {.step = report.step,
         .drawn = drawn_rows_,
         .scores = scores,
         .credit = credit,
         .pictures = [&](const auto& rows) { return pictures_of(rows, drawn, slices_, group_); }});
  return credit;
}

std::vector<ChosenRows> Trainer::choose_rows(std::vector<Rollout> drawn, const RowCredit& credit,
                                             const std::vector<uint8_t>& regularized, StepReport& report) {
  if (!buffer_) return kept_rows(std::move(drawn), credit, regularized, plan_, slices_);
  buffer_->put(steps_done_, final_latents(drawn, slices_, group_), drawn_rows_.rows, credit);
  const int64_t count = plan_.prompts * plan_.keep;
  report.trained_images = std::min(count, buffer_->size());
  return slice_of(buffer_->choose(count, plan_.micro_batch, uint64_t(config_.seed), steps_done_,
                                  policy_.options().device),
                  plan_.updates, group_.rank(), group_.size());
}

// The rows with their credit and what other policies say of them.
std::vector<MicroBatch> Trainer::make_batches(std::vector<ChosenRows> chosen, const UpdateInputs& inputs) {
  std::vector<MicroBatch> batches;
  const auto on_device = [&](const std::vector<float>& values) {
    return at::tensor(values).to(policy_.options().device);
  };
  for (ChosenRows& rows : chosen) {
    MicroBatch& batch = batches.emplace_back();
    batch.update = rows.update;
    batch.denoiser = actor_.denoiser(policy_, rows.rows);
    batch.at_points = actor_.point_denoiser(policy_, rows.rows, inputs.steps.schedule);
    batch.keys = keys_of(rows.rows);
    batch.weights_B = on_device(rows.weights);
    batch.advantages_B = on_device(rows.advantages);
    for (const std::vector<float>& advantages : rows.step_advantages)
      batch.step_advantages.push_back(on_device(advantages));
    batch.trajectories = std::move(rows.trajectories);
    hooks_.ask_others(batches,
                      [&] { policies_.add_predictions(batch, rows.rows, rows.anchored, actor_, inputs); });
  }
  return batches;
}

void Trainer::update(std::vector<MicroBatch>& batches, const UpdateInputs& inputs, StepReport& report) {
  for (int64_t u = 0; u < plan_.updates; ++u) {
    std::vector<MicroBatch*> mine;
    for (MicroBatch& batch : batches)
      if (batch.update == u) mine.push_back(&batch);
    const UpdateReport done = accumulate_gradient(mine, inputs, optimizer_, hooks_, group_);
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
        optimizer_.step(report.learning_rate);
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

}  // namespace gamut::train
