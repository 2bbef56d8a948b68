// SPDX-License-Identifier: Apache-2.0
// What a run tells its user to do while it goes on and after it: commands that run as they are printed.
#pragma once

#include "gamut/run/train_recipe.h"

#include <filesystem>
#include <string>
#include <vector>

namespace gamut::cli {

// `serve_command` starts such a run with a live report; "" where one is served already.
std::vector<std::string> watch_lines(const std::filesystem::path& run, const std::string& serve_command);
// Of a finished run: sample, eval, report, and for an adapter the form that other programs read. `prompt`: to
// sample.
std::vector<std::string> next_lines(const std::filesystem::path& run, const run::TrainRecipe& recipe,
                                    const std::string& prompt);

}  // namespace gamut::cli
