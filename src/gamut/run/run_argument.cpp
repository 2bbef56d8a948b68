// SPDX-License-Identifier: Apache-2.0
#include "gamut/run/run_argument.h"

#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/core/names.h"

#include <algorithm>
#include <fstream>
#include <set>

namespace gamut::run {
namespace {

namespace fs = std::filesystem;

// Pretraining's recipes begin with their task; a fine-tuning has no such key.
bool is_pretraining(const fs::path& config) {
  std::ifstream lines(config);
  for (std::string line; std::getline(lines, line) && !line.starts_with('[');)
    if (line.starts_with("task")) return true;
  return false;
}

std::vector<std::string> runs_below(const fs::path& folder) {
  std::vector<std::string> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (is_run(entry.path())) found.push_back(entry.path().string());
  std::sort(found.begin(), found.end());
  return found;
}

// A trailing slash makes no other run.
std::string plain(const std::string& argument) {
  const fs::path path = fs::path(argument).lexically_normal();
  return (path.has_filename() ? path : path.parent_path()).string();
}

}  // namespace

bool is_run(const fs::path& folder) {
  std::error_code ignored;
  return fs::is_regular_file(folder / "config.toml", ignored) && !is_pretraining(folder / "config.toml");
}

fs::path recipe_file(const fs::path& argument) {
  std::error_code ignored;
  if (!fs::is_directory(argument, ignored)) return argument;
  if (fs::exists(argument / "config.toml", ignored)) return argument / "config.toml";
  throw ConfigError("config",
                    cat("'", printable(argument.string()), "' is a folder without a config.toml, so no run; ",
                        "expected a recipe or a run folder"));
}

std::vector<std::string> run_arguments(const std::vector<std::string>& arguments, const std::string& files) {
  std::vector<std::string> found, left_out;
  for (const std::string& argument : arguments) {
    const bool wanted = !files.empty() && argument.ends_with(files);
    if (!fs::exists(argument) || is_run(argument) || (wanted && !fs::is_directory(argument))) {
      found.push_back(argument);
      continue;
    }
    const std::vector<std::string> below = runs_below(argument);
    if (below.empty()) left_out.push_back(argument);
    found.insert(found.end(), below.begin(), below.end());
  }
  if (found.empty()) return arguments;
  for (const std::string& argument : left_out) log_warning(cat("left out, no run: ", printable(argument)));
  // runs/* may name a folder of runs and, by another pattern, one of them.
  std::set<std::string> seen;
  if (arguments.size() > 1 && found.size() > arguments.size())
    std::erase_if(found, [&](const std::string& run) { return !seen.insert(plain(run)).second; });
  return found;
}

}  // namespace gamut::run
