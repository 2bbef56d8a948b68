// SPDX-License-Identifier: Apache-2.0
// One run's files into the report's structs.
#pragma once

#include "gamut/eval/report.h"
#include "gamut/io/image.h"

#include <cstdint>
#include <filesystem>
#include <vector>

namespace gamut::run {

// evals.jsonl, before read_curves, which adds the training seconds to its rows. Nothing if it is missing.
void read_evaluations(const std::filesystem::path& folder, eval::ReportRun& run);
// metrics.jsonl thinned to fewer than 2 * points rows.
void read_curves(const std::filesystem::path& folder, int64_t points, eval::ReportRun& run);
// groups.jsonl: up to `count` evenly spread groups, pictures with no side above `side`.
void read_groups(const std::filesystem::path& folder, size_t count, int64_t side, eval::ReportRun& run);
// samples/step_….safetensors; empty when the file is not there (yet).
std::vector<io::Image> read_samples(const std::filesystem::path& folder, int64_t step);

}  // namespace gamut::run
