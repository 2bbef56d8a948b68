// SPDX-License-Identifier: Apache-2.0
// What a run's base drew in each pass, kept beside its pictures so that a resumed run compares with the same.
#pragma once

#include "gamut/eval/evaluate.h"

#include <filesystem>

namespace gamut::run {

// samples/base_<role>_<set>.safetensors of the run.
void save_base_trace(const std::filesystem::path& run, const eval::EvalPass& pass, const eval::Trace& trace);
// The base's part in the pass at `step`: itself at 0, later what was saved; nothing in a run of an earlier
// version.
eval::BasePass base_pass(const std::filesystem::path& run, const eval::EvalPass& pass, int64_t step);

}  // namespace gamut::run
