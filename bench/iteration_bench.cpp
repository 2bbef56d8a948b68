// SPDX-License-Identifier: Apache-2.0
// One whole iteration of the glyph recipe's geometry: 4 prompts x 16 members, 10 SDE steps, 4 of them
// trained. The counters say where its time goes, in milliseconds.
#include "gamut/tasks/tasks.h"
#include "gamut/train/trainer.h"

#include <benchmark/benchmark.h>

namespace {

using namespace gamut;

train::TrainConfig glyph_config() {
  train::TrainConfig config;
  config.model = "models/glyphs";
  config.rollout.prompts = "recipes/glyphs/prompts.jsonl";
  config.slots = algorithms::fill_slots("flow_grpo");
  config.slots.sampler.grid = "linspace_shift";
  config.slots.sampler.shift = 1;
  config.slots.sampler.decode = "x0_last";
  config.slots.schedule.kind = "random";
  config.slots.schedule.fraction = 0.7;
  config.optimizer.learning_rate = 1e-4;
  return config;
}

void iteration(benchmark::State& state, const char* kind) {
  const train::TrainConfig config = glyph_config();
  tasks::register_tasks();
  const auto reward = rewards::make_reward({.kind = kind, .model = "models/glyphs-reader"});
  train::Trainer trainer(config, models::Pipeline::open(config.model, {}), *reward,
                         text::load_prompts(config.rollout.prompts));
  double rollout = 0, scoring = 0, update = 0;
  for (auto _ : state) {
    const train::StepReport report = trainer.iterate();
    rollout += report.seconds_rollout;
    scoring += report.seconds_reward;
    update += report.seconds_update;
  }
  auto milliseconds = [](double seconds) {
    return benchmark::Counter(1e3 * seconds, benchmark::Counter::kAvgIterations);
  };
  state.counters["rollout_ms"] = milliseconds(rollout);
  state.counters["reward_ms"] = milliseconds(scoring);
  state.counters["update_ms"] = milliseconds(update);
}

BENCHMARK_CAPTURE(iteration, reader, "reader")->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(iteration, ocr, "ocr")->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
