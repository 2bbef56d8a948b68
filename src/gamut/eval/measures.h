// SPDX-License-Identifier: Apache-2.0
// What an evaluation measures, as a table: one row per number. A task adds rows of its own; a measure that
// does not apply to what was drawn is neither computed nor shown. docs/metrics.md gives every formula.
#pragma once

#include "gamut/eval/classes.h"
#include "gamut/io/image.h"
#include "gamut/rewards/reward.h"
#include "gamut/text/prompt_set.h"

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace gamut::eval {

// What a model drew in one pass, for measures that compare two models on it. Undefined: unknown.
struct Trace {
  at::Tensor features_BD;  // by eval.features, fp32 on the CPU
  at::Tensor norms_SB;     // Euclidean norm of each step's prediction, fp32 on the CPU
};

// The pictures that a measure looks at: one prompt's, or a whole evaluation's, prompt-major.
struct MeasuredPictures {
  std::span<const io::Image> images;
  std::span<const text::Prompt> prompts;  // one per picture
  at::Tensor pictures_BCHW;               // in [0, 1], where they were drawn
  Trace drawn, base;                      // of these pictures, and of the base's in the same pass
  const rewards::Scores *reward = nullptr, *judge = nullptr;  // of the whole evaluation
  bool reward_reads = false, judge_reads = false;             // Reward::reads_text
  const PictureClasses* classes = nullptr;                    // of the whole evaluation; nullptr: nobody told
  size_t first = 0;                                           // of these pictures in the whole evaluation

  MeasuredPictures rows(size_t begin, size_t count) const;
};

enum class Direction { kUp, kDown, kNone };  // which way is better

// prompt: taken within each prompt's pictures, the evaluation's number is the mean over prompts. run: taken
// over all pictures. heldout: the same, and meant for prompts that training never saw.
enum class Scope { kPrompt, kRun, kHeldout };

struct Measure {
  std::string key;        // in evals.jsonl
  std::string label;      // in tables
  std::string unit = {};  // "" = a plain number
  Direction direction = Direction::kUp;
  Scope scope = Scope::kPrompt;
  std::function<double(const MeasuredPictures&)> value;  // NaN: these pictures have none
  std::function<bool(const MeasuredPictures&)> applies = [](const MeasuredPictures&) { return true; };
  std::string title = {};   // in the report
  std::string about = {};   // one line for whoever never heard of it
  std::string former = {};  // its key in rows of earlier versions
  // Of the measures of one kind that a ranking of methods averages first (family_ranks.h, docs/protocol.md);
  // "" = it has no part in one.
  std::string family = {};
};

// Every measure in the order of tables: this room's, then the tasks'.
const std::vector<Measure>& measure_table();
// A task's rows, added once before anything is evaluated.
void add_measures(std::vector<Measure> rows);
// nullptr: no measure has this key.
const Measure* find_measure(const std::string& key);
// The key of today for one of an earlier version, with or without "heldout." before it; others as they are.
std::string present_key(const std::string& key);

std::string direction_name(Direction direction);  // "up", "down", ""
std::string scope_name(Scope scope);              // "prompt", "run", "held-out"

}  // namespace gamut::eval
