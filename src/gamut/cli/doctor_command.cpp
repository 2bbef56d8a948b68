// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/commands.h"
#include "gamut/cli/doctor_group.h"
#include "gamut/core/error.h"
#include "gamut/core/input_files.h"
#include "gamut/tasks/glyphs/glyphs.h"
#include "gamut/rewards/reward.h"
#include "gamut/run/build_info.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <filesystem>

namespace gamut::cli {
namespace {

namespace fs = std::filesystem;

std::string shipped(const std::string& name) { return find_input(name, NamedBy::kDefault).name; }

// Runs one check; prints "ok" or the error's own advice.
bool check(const char* what, const std::function<void()>& attempt) {
  try {
    attempt();
    std::printf("%-24s ok\n", what);
    return true;
  } catch (const Error& error) {
    std::printf("%-24s MISSING: %s\n", what, error.what());
    return false;
  }
}

constexpr double kGroupTimeout = 60;  // seconds

// Under a launcher rank 0 speaks, of the machine that it runs on.
int doctor() {
  const comm::Place place = comm::place();
  if (place.is_group()) {
    const auto group = comm::Group::join(place, kGroupTimeout);
    std::printf("%s", describe_group(*group).c_str());
    if (!group->leads()) return 0;
  }
  const fs::path data = data_folder();
  std::printf("%sdata: %s\n\n", run::build_info("cuda").c_str(), data.empty() ? "not found" : data.c_str());
  bool good = check("OCR (Tesseract)", [] { rewards::make_reward({.kind = "ocr"}); });
  good &= check("fonts of the glyph task", [] { glyphs::glyph_fonts(); });
  good &= check("models/glyphs", [] {
    if (!fs::exists(shipped("models/glyphs/model_index.json")))
      throw EnvironmentError(
          "model",
          "models/glyphs was not found; set GAMUT_DATA to the folder that holds gamut's models "
          "and recipes, or run gamut from there");
  });
  good &= check("models/glyphs-reader",
                [] { rewards::make_reward({.kind = "reader", .model = shipped("models/glyphs-reader")}); });
  return good ? 0 : static_cast<int>(ExitCode::kEnvironment);
}

}  // namespace

void add_doctor_command(CLI::App& program, Action& chosen) {
  CLI::App* command = program.add_subcommand("doctor", "what this machine and build can do");
  command->callback([&chosen] { chosen = doctor; });
}

}  // namespace gamut::cli
