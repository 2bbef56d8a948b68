// SPDX-License-Identifier: Apache-2.0
// What tests of recipes with an adapter share.
#pragma once

#include "cli/run_program.h"
#include "support/temp_folder.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

namespace gamut::testing {

// The objects of a file of JSON lines.
inline std::vector<nlohmann::json> rows_of(const std::filesystem::path& file) {
  std::vector<nlohmann::json> rows;
  std::istringstream lines(read_file(file));
  for (std::string line; std::getline(lines, line);) rows.push_back(nlohmann::json::parse(line));
  return rows;
}

// The contact sheet of one picture of a cat.
inline std::string sheet_of(const std::string& model, const std::filesystem::path& out,
                            const std::vector<std::string>& more) {
  std::vector<std::string> args = {"sample", "--model", model, "--prompt", "cat",       "-n",
                                   "1",      "--steps", "3",   "--out",    out.string()};
  args.insert(args.end(), more.begin(), more.end());
  const Ran ran = gamut(args);
  EXPECT_EQ(ran.code, 0) << ran.err;
  return read_file(out);
}

// At a scale of 40, which an 8-bit picture shows, and not at 0. `flags`: of every picture.
inline void expect_adapter_changes_samples(const std::string& model, const std::filesystem::path& adapter,
                                           const TempFolder& folder, std::vector<std::string> flags = {}) {
  const std::string base = sheet_of(model, folder / "base.png", flags);
  flags.insert(flags.end(), {"--lora", adapter.string() + ":40"});
  EXPECT_TRUE(base != sheet_of(model, folder / "tuned.png", flags));
  flags.back() = adapter.string() + ":0";
  EXPECT_TRUE(base == sheet_of(model, folder / "off.png", flags));
}

}  // namespace gamut::testing
