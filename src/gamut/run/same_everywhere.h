// SPDX-License-Identifier: Apache-2.0
// Whether the processes of a group are about to do the same.
#pragma once

#include "gamut/comm/group.h"
#include "gamut/run/train_recipe.h"

namespace gamut::run {

// What must be alike: every key of the recipe, the program, LibTorch's version, and name, size and header of
// the model's weight files. EnvironmentError that names the first rank that differs from rank 0, and in what.
void check_same_everywhere(comm::Group& group, const TrainRecipe& recipe);

// "name = value" a line, in the order of `mine`: the first line that another has otherwise; "" when none is.
std::string first_difference(const std::string& mine, const std::string& others);

}  // namespace gamut::run
