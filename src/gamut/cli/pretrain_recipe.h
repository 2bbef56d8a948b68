// SPDX-License-Identifier: Apache-2.0
// Which of pretraining's tasks a recipe is for.
#pragma once

#include "gamut/core/config.h"

namespace gamut::cli {

// The value of the key `task`, or "" when the recipe has none (a fine-tuning recipe).
std::string task_of(const Recipe& recipe);
// The recipe bound to its task's config; an unknown task is reported here, with its place.
Resolved resolve_pretrain_recipe(const Recipe& recipe);

}  // namespace gamut::cli
