// SPDX-License-Identifier: Apache-2.0
#include "gamut/run/train_run.h"

#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/core/stop.h"
#include "gamut/io/files.h"
#include "gamut/io/run_folder.h"
#include "gamut/io/run_lock.h"
#include "gamut/models/guidance.h"
#include "gamut/nn/kernels/cpu_path.h"
#include "gamut/run/build_info.h"
#include "gamut/run/closing.h"
#include "gamut/run/group_log.h"
#include "gamut/run/same_everywhere.h"
#include "gamut/run/stored_run.h"
#include "gamut/run/train_evaluation.h"
#include "gamut/run/train_progress.h"
#include "gamut/train/event_log.h"
#include "gamut/train/policy.h"
#include "gamut/train/trainer.h"

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include <memory>
#include <optional>

namespace gamut::run {
namespace {

namespace fs = std::filesystem;

std::vector<text::Prompt> checked_prompts(const rewards::Reward& reward, const TrainRecipe& recipe) {
  std::vector<text::Prompt> prompts = recipe.load_rollout_prompts();
  rewards::check_prompts(reward, "reward", prompts, recipe.train.rollout.prompts);
  return prompts;
}

// The caller's own object, else what the recipe names.
rewards::Reward& chosen_reward(rewards::Reward* own, const rewards::RewardConfig& config,
                               const std::string& policy_device, std::unique_ptr<rewards::Reward>& made) {
  if (own != nullptr) return *own;
  made = rewards::make_reward(config, policy_device);
  return *made;
}

// The record names what was given beside the recipe, so that nobody takes the run for one of the recipe's own
// reward.
void record_own(Resolved& resolved, rewards::RewardConfig& config, const std::string& table,
                const rewards::Reward* own) {
  if (own == nullptr) return;
  config.kind = "own";
  config.own = own->name();
  for (ResolvedField& field : resolved.fields) {
    if (field.key == table + ".kind")
      field.toml = nlohmann::json(config.kind).dump();
    else if (field.key == table + ".own")
      field.toml = nlohmann::json(config.own).dump();
    else
      continue;
    field.origin = "the program";
  }
}

TrainRecipe with_own_rewards(TrainRecipe recipe, const TrainOptions& options) {
  record_own(recipe.resolved, recipe.reward, "reward", options.reward);
  record_own(recipe.resolved, recipe.judge, "judge", options.judge);
  return recipe;
}

class TrainRun {
 public:
  TrainRun(const TrainRecipe& recipe, const TrainOptions& options, comm::Group& group)
      : recipe_(recipe),
        folder_(options.folder),
        group_(group),
        lock_(options.resume && group.leads() ? std::make_unique<io::RunLock>(folder_) : nullptr),
        command_(options.command),
        on_step_(options.on_step),
        stop_(options.stop),
        reward_(chosen_reward(options.reward, recipe.reward, recipe.train.device, made_reward_)),
        judge_(chosen_reward(options.judge, recipe.judge, recipe.train.device, made_judge_)),
        evaluation_(recipe, options.folder, reward_, judge_, group, options.on_evaluation),
        prompts_(checked_prompts(reward_, recipe)),
        trainer_(recipe.train, train::open_policy(recipe.train), reward_, prompts_, group) {}

  void create() {
    if (!group_.leads()) return;
    io::create_run_folder(folder_);
    lock_ = std::make_unique<io::RunLock>(folder_);
    io::write_atomically(folder_ / "config.toml", recipe_.resolved.to_toml());
    io::write_atomically(folder_ / "build.txt", build_info(recipe_.train.device));
    io::write_atomically(folder_ / "command.txt", command_ + "\n");
  }

  void resume() {
    const fs::path checkpoint =
        group_.from_first(train::latest_checkpoint(folder_).value_or(fs::path()).string());
    if (!checkpoint.empty()) {
      announce_base();
      trainer_.resume(checkpoint);
    }
    if (!group_.leads()) return;
    if (!checkpoint.empty()) {
      check_records(folder_, trainer_.steps_done(), [this](int64_t step) { return is_evaluated(step); });
      log_info(cat("resuming from ", checkpoint.string()));
    } else {
      log_info("no complete checkpoint yet; starting from the beginning");
    }
    // The closing table says that a run is complete, which one that goes on is not.
    fs::remove(folder_ / kClosingTable);
    // Rows after the checkpoint belong to steps that will be made again.
    for (const char* name : {"metrics.jsonl", "evals.jsonl", "groups.jsonl"})
      if (fs::exists(folder_ / name))
        io::truncate_json_lines(folder_ / name, "step", checkpoint.empty() ? -1 : trainer_.steps_done());
  }

  TrainOutcome run(const std::function<void()>& on_start) {
    log_info(trainer_.plan().text());
    if (trainer_.params().front().tensor.is_cpu()) log_info(cat("CPU kernels: ", nn::describe_cpu_path()));
    if (recipe_.train.lora.is_on()) log_info(lora_line());
    if (trainer_.policy().options().int8) log_info(int8_line());
    if (on_start) on_start();
    if (trainer_.drop_text_encoders(evaluation_.encoded_lists()))
      log_info("text   all prompts are encoded; the text encoders left memory");
    if (group_.leads()) records_.emplace(folder_, trainer_.steps_done());
    if (trainer_.steps_done() == 0) {
      evaluate();
      announce_base();
    }
    const int64_t total = recipe_.train.iterations;
    trainer_.observe_credit([this](const train::CreditView& view) {
      if (lock_) lock_->check_folder();
      if (view.step == 1 || is_evaluated(view.step))
        log_groups(folder_, view, recipe_.record.groups, group_.leads());
    });
    TrainProgress progress(trainer_.steps_done(), total, folder_ / "metrics.jsonl");
    while (trainer_.steps_done() < total) {
      const train::StepReport report = trainer_.iterate();
      if (group_.leads()) record(report, progress);
      const int64_t step = report.step;
      if (is_evaluated(step)) evaluate();
      const bool stop = group_.any(stop_requested() || (stop_ && stop_())) && step < total;
      if (step % recipe_.train.checkpoint.every == 0 || step == total || stop) save();
      if (stop) return {.finished = false, .steps = step};
    }
    group_.enter("the end of the run");
    trainer_.save_model(folder_ / "model");
    if (!group_.leads()) return {.finished = true, .steps = total};
    return finish();
  }

 private:
  // What rank 0 writes row by row.
  struct Records {
    io::JsonLines metrics, evals;
    train::EventLog events;
    Records(const fs::path& folder, int64_t steps_done)
        : metrics(folder / "metrics.jsonl"),
          evals(folder / "evals.jsonl"),
          events(folder, steps_done > 0 ? steps_done : -1) {}
  };

  void record(const train::StepReport& report, TrainProgress& progress) {
    lock_->check_folder();
    const nlohmann::ordered_json row = report.to_json();
    records_->metrics.append(row);
    records_->events.add_metrics(row);
    progress.show(report);
    if (on_step_) on_step_(row);
  }

  void evaluate() {
    group_.enter(cat("evaluation of step ", trainer_.steps_done()));
    evaluation_.evaluate(trainer_, records_ ? &records_->evals : nullptr,
                         records_ ? &records_->events : nullptr);
  }

  void save() {
    group_.enter(cat("checkpoint of step ", trainer_.steps_done()));
    trainer_.save(folder_);
  }

  // The first iteration, or going on, begins with them and shows nothing meanwhile.
  void announce_base() {
    if (train::needs_base_samples(recipe_.train))
      log_info(cat("base   draws ", recipe_.train.rollout.base_samples, " pictures of each of ",
                   prompts_.size(), " prompts once, to compare with"));
  }

  std::string lora_line() {
    int64_t trained = 0;
    for (const nn::NamedTensor& param : trainer_.params()) trained += param.tensor.numel();
    return cat("lora   ", trainer_.params().size() / 2, " layers of rank ", recipe_.train.lora.rank, ": ",
               trained, " numbers train beside ", trainer_.policy().denoiser_params().num_elements(),
               " frozen ones");
  }

  std::string int8_line() {
    const nn::ParamStore& base = trainer_.policy().denoiser_params();
    return cat("base   ", base.int8_elements(), " of ", base.num_elements(),
               " weights are held in int8, those of linear layers; the others in ", recipe_.train.dtype);
  }

  bool is_evaluated(int64_t step) const { return recipe_.eval.is_due(step, recipe_.train.iterations); }

  // The table and the sheet before | after.
  TrainOutcome finish() {
    // From disk, so that a resumed run closes with the same table.
    const FirstAndLast measured = first_and_last(folder_, trainer_.steps_done());
    const Closing closing = write_closing(folder_, recipe_, measured, evaluation_.prompts());
    return {.finished = true,
            .steps = trainer_.steps_done(),
            .table = closing.table,
            .model = folder_ / "model",
            .sheet = closing.sheet,
            .reward = reward_.name(),
            .judge = judge_.name(),
            .cost = evaluation_cost(folder_),
            .first_prompt = evaluation_.prompts().front().text};
  }

  const TrainRecipe& recipe_;
  fs::path folder_;
  comm::Group& group_;
  std::unique_ptr<io::RunLock> lock_;  // before any model loads; of rank 0 alone
  std::string command_;
  std::function<void(const nlohmann::ordered_json&)> on_step_;
  std::function<bool()> stop_;
  std::unique_ptr<rewards::Reward> made_reward_, made_judge_;
  rewards::Reward& reward_;
  rewards::Reward& judge_;
  TrainEvaluation evaluation_;
  std::vector<text::Prompt> prompts_;  // before the model loads
  train::Trainer trainer_;
  std::optional<Records> records_;
};

void check_folder(const TrainRecipe& recipe, const TrainOptions& options) {
  // A folder in the way is reported before any model loads.
  if (!options.resume && fs::exists(options.folder)) io::create_run_folder(options.folder);
  if (options.resume && !fs::exists(options.folder / "config.toml"))
    throw ConfigError("run",
                      cat("nothing to resume in '", options.folder.string(), "': it has no config.toml"));
  if (options.resume) check_same_recipe(recipe, options.folder / "config.toml");
}

TrainOutcome train_together(const TrainRecipe& asked, const TrainOptions& options, comm::Group& group) {
  const TrainRecipe recipe = with_own_rewards(asked, options);
  check_same_everywhere(group, recipe);
  if (group.leads()) check_folder(recipe, options);
  if (group.leads()) models::warn_below_one(recipe.train.rollout.guidance_scale, "rollout.guidance_scale");
  if (group.leads()) models::warn_below_one(recipe.eval.guidance_scale, "eval.guidance_scale");
  group.barrier();  // nobody loads a model for a run that cannot begin
  TrainRun run(recipe, options, group);
  options.resume ? run.resume() : run.create();
  return run.run(options.on_start);
}

}  // namespace

TrainOutcome train(const TrainRecipe& asked, const TrainOptions& options) {
  comm::Group one;
  comm::Group& group = options.group == nullptr ? one : *options.group;
  try {
    return train_together(asked, options, group);
  } catch (const std::exception& error) {
    group.tell_failure(error.what());
    throw;
  }
}

}  // namespace gamut::run
