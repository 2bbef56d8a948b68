// SPDX-License-Identifier: Apache-2.0
// A run folder on the command line, where a recipe or a list of runs is asked for.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace gamut::run {

// Whether a folder was made by `gamut train`: it holds a config.toml that is no pretraining's.
bool is_run(const std::filesystem::path& folder);

// The recipe that an argument names: itself, or config.toml of a run folder. ConfigError for a folder that is
// no run.
std::filesystem::path recipe_file(const std::filesystem::path& argument);

// Runs among arguments such as runs/*: a folder that is no run but holds some stands for those, in order of
// their names; what holds none is left out with a warning. Files are taken when `files` ends their name.
// Where nothing is left, and for paths that do not exist, the argument stays, so that who reads it says what
// is wrong.
std::vector<std::string> run_arguments(const std::vector<std::string>& arguments,
                                       const std::string& files = "");

}  // namespace gamut::run
