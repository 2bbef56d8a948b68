// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/error.h"
#include "gamut/io/files.h"
#include "gamut/io/run_folder.h"
#include "gamut/python/parts.h"
#include "gamut/run/frontier_comparison.h"
#include "gamut/run/run_argument.h"
#include "gamut/run/run_identity.h"

#include <nlohmann/json.hpp>

namespace gamut::python {
namespace {

// Rows as JSON texts, which Python reads itself; a line that a kill cut short is left out, as everywhere.
std::vector<std::string> rows(const std::filesystem::path& file) {
  std::vector<std::string> texts;
  if (!std::filesystem::exists(file)) return texts;
  for (const nlohmann::json& row : io::read_json_lines(file)) texts.push_back(row.dump());
  return texts;
}

std::pair<std::vector<std::string>, std::vector<std::string>> read_run(const std::filesystem::path& folder) {
  if (!run::is_run(folder))
    throw ConfigError("run", cat("'", folder.string(), "' is no run of gamut train: it has no config.toml"));
  return {rows(folder / "metrics.jsonl"), rows(folder / "evals.jsonl")};
}

std::filesystem::path free_folder(const std::filesystem::path& recipe) {
  return io::free_run_folder(run::is_run(recipe) ? run::run_name(recipe) : recipe.stem().string());
}

std::string frontier(const std::vector<std::string>& runs, const std::string& x, const std::string& y,
                     const std::string& baseline, bool interpolate) {
  const py::gil_scoped_release unlocked;
  run::FrontierOptions options;
  options.baseline = baseline;
  options.x = x;
  options.y = y;
  options.interpolate = interpolate;
  return run::to_json(run::compare_all(runs, options), options).dump();
}

}  // namespace

void add_runs(py::module_& module) {
  module.def("read_run", &read_run, py::arg("path"));
  module.def("free_run_folder", &free_folder, py::arg("recipe"));
  module.def("frontier", &frontier, py::arg("runs"), py::arg("x"), py::arg("y"), py::arg("baseline"),
             py::arg("interpolate"));
}

}  // namespace gamut::python
