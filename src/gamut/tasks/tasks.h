// SPDX-License-Identifier: Apache-2.0
// What belongs to one task alone (its data, rewards, measures) stands in a folder of its own and is known to
// the rooms above it in the order by what it registers here.
#pragma once

#include "gamut/io/image.h"
#include "gamut/text/prompt_set.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace gamut::tasks {

struct Task {
  std::string name, data_name;                          // "glyphs", "real glyphs"
  bool (*fits)(std::span<const text::Prompt> prompts);  // whether prompts ask for its pictures
  // Its data: `members` pictures for each prompt, prompt-major.
  at::Tensor (*draw_data)(const std::vector<text::Prompt>& prompts, int64_t members, uint64_t seed);
  // Colors for the report's palette, of pictures and of data (eval::ReportPalette).
  std::string (*palette_of)(std::span<const io::Image> pictures, size_t count);
  std::string (*data_palette)(size_t count);
};

// Registers every task's rewards and measures; further calls do nothing. Before a recipe is bound or a row is
// read.
void register_tasks();
const std::vector<Task>& task_table();
// The task whose pictures the prompts ask for; nullptr: none.
const Task* task_of(std::span<const text::Prompt> prompts);

}  // namespace gamut::tasks
