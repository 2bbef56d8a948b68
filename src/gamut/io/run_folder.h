// SPDX-License-Identifier: Apache-2.0
// A run's folder: config.toml, build.txt, metrics.jsonl, evals.jsonl, samples/, checkpoints/, model/, lock.
#pragma once

#include <filesystem>
#include <string>

namespace gamut::io {

// Creates `folder`. ConfigError when it exists already (its content would be mixed up), EnvironmentError when
// it cannot be written.
void create_run_folder(const std::filesystem::path& folder);
// runs/<name>, or runs/<name>-2, -3, … : the first that does not exist.
std::filesystem::path free_run_folder(const std::string& name);
// The folder before that one, which the newest run of this name has; "" = there is none.
std::filesystem::path newest_run_folder(const std::string& name);
// "step_000120"
std::string step_name(int64_t step);

}  // namespace gamut::io
