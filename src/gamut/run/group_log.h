// SPDX-License-Identifier: Apache-2.0
// groups.jsonl and groups/*.png of a run: what the members of a few prompts got, for the report's group
// browser.
#pragma once

#include "gamut/core/config.h"
#include "gamut/train/group_record.h"

#include <filesystem>

namespace gamut::run {

// [record] of a recipe.
struct RecordConfig {
  int64_t groups = 2;
  void fields(FieldVisitor& v);
};

// Appends the first `count` groups of the iteration, each with one PNG of its pictures.
// `writes`: false for a process that only gives its pictures.
void log_groups(const std::filesystem::path& run, const train::CreditView& view, int64_t count,
                bool writes = true);

}  // namespace gamut::run
