// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/pretrain_loop.h"

#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/core/stop.h"
#include "gamut/io/files.h"
#include "gamut/train/progress.h"

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <optional>

namespace gamut::train {
namespace {

using at::Tensor;

// Steps between two lines of progress and metrics.
constexpr int64_t kReportEvery = 100;

// Sums the loss on its device and reports its mean now and then.
class LossReport {
 public:
  LossReport(const std::filesystem::path& run, int64_t first, int64_t steps) : progress_(first, steps) {
    if (!run.empty()) metrics_.emplace(run / "metrics.jsonl");
  }

  void add(const Tensor& loss, int64_t done) {
    sum_ = sum_.defined() ? sum_ + loss.detach() : loss.detach();
    ++count_;
    if (done % kReportEvery == 0) report(done);
  }

 private:
  void report(int64_t done) {
    const double mean = sum_.item<double>() / double(count_);
    sum_ = Tensor();
    count_ = 0;
    if (!std::isfinite(mean))
      throw NumericalError("pretrain",
                           cat("the loss is not finite at step ", done, "; lower optimizer.learning_rate"));
    if (metrics_) metrics_->append({{"step", done}, {"loss", mean}});
    log_info(cat(progress_.line(done), ", loss ", rounded(mean, 4)));
  }

  std::optional<io::JsonLines> metrics_;
  Progress progress_;
  Tensor sum_;
  int64_t count_ = 0;
};

void update(const PretrainLoop& loop, AdamW& optimizer, Ema& ema, int64_t step) {
  optimizer.clip_gradients(optimizer.grad_norm());
  optimizer.step(loop.optimizer.learning_rate * loop.curve.share(step, loop.steps));
  optimizer.zero_grad();
  loop.after_update();
  ema.update(step + 1);
}

void save_average(const PretrainLoop& loop, const Ema& ema, int64_t done) {
  const BorrowedWeights average(loop.params, done == loop.steps ? ema.final_weights(done) : ema.weights());
  loop.save();
}

// The step to go on with.
int64_t restore(const PretrainLoop& loop, const CheckpointParts& parts) {
  const auto found = latest_checkpoint(loop.run);
  const bool resumes = found && loop.resume;
  int64_t first = 0;
  if (resumes)
    load_checkpoint(*found, parts, [&](const nlohmann::json& state) {
      first = stored_count(state, "step");
      if (first != parts.optimizer.steps_done())
        throw DataError("checkpoint", cat("'optimizer_steps' of state.json must be its 'step'; got ",
                                          parts.optimizer.steps_done(), " and ", first));
    });
  if (resumes) log_info(cat("resuming from ", found->string()));
  // Rows after the checkpoint belong to steps that will be made again.
  io::truncate_json_lines(loop.run / "metrics.jsonl", "step", first);
  return first;
}

}  // namespace

bool run_pretraining(const PretrainLoop& loop) {
  AdamW optimizer(loop.params, loop.optimizer);
  Ema ema(loop.params, loop.ema);
  const CheckpointParts parts{.weights = loop.params, .optimizer = optimizer, .ema = ema};
  const bool in_run = !loop.run.empty();
  const int64_t first = in_run ? restore(loop, parts) : 0, steps = loop.steps;
  LossReport report(loop.run, first, steps);
  for (int64_t step = first; step < steps; ++step) {
    const Tensor loss = loop.loss(step);
    loss.backward();
    update(loop, optimizer, ema, step);
    const int64_t done = step + 1;
    report.add(loss, done);
    const bool stop = stop_requested() && done < steps;
    const bool saves = in_run && done % loop.checkpoint.every == 0;
    if (saves || done == steps || stop) {
      if (in_run) save_checkpoint(loop.run, done, parts, {}, loop.checkpoint.keep);
      save_average(loop, ema, done);
    }
    if (stop) {
      log_info(cat("stopped after step ", done, in_run ? " with a checkpoint" : ""));
      return false;
    }
  }
  return true;
}

}  // namespace gamut::train
