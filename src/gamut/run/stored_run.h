// SPDX-License-Identifier: Apache-2.0
// What a training run left on disk: its evaluations and their pictures.
#pragma once

#include "gamut/eval/evaluate.h"
#include "gamut/io/image.h"
#include "gamut/text/prompt_set.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <vector>

namespace gamut::run {

struct StoredEvaluation {
  int64_t step = 0;
  eval::Evaluation numbers;
  at::Tensor pictures;  // [prompts * members, 3, H, W] in [0, 1], prompt-major
};

// Of averaged weights on eval.prompts and eval.seed. DataError when evals.jsonl has no row for the step, or
// no row at all.
StoredEvaluation evaluation_at(const std::filesystem::path& run, int64_t step);
StoredEvaluation last_evaluation(const std::filesystem::path& run);
// The same step's numbers with raw weights, where eval.raw asked for them.
std::optional<eval::Evaluation> raw_evaluation_at(const std::filesystem::path& run, int64_t step);

// Steps with such a row.
std::set<int64_t> evaluated_steps(const std::filesystem::path& run);

// The rows up to the checkpoint of step `last` must all be there: what is lost would be missing from every
// table without a word. DataError names the first one that is not.
void check_records(const std::filesystem::path& run, int64_t last,
                   const std::function<bool(int64_t step)>& is_evaluated);

// Pictures per prompt on a sheet; the evaluation may draw more.
inline constexpr int64_t kSheetMembers = 8;
// A row of at most `most` pictures per prompt, as a contact sheet shows them.
std::vector<std::vector<io::Image>> sheet_rows(const at::Tensor& pictures, size_t prompts,
                                               int64_t most = kSheetMembers);
// Rows labelled by target, or by text where there is none.
io::SheetOptions sheet_options(const std::vector<text::Prompt>& prompts);

}  // namespace gamut::run
