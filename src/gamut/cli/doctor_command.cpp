// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/build_info.h"
#include "gamut/cli/commands.h"
#include "gamut/core/error.h"
#include "gamut/data/glyphs.h"
#include "gamut/rewards/reward.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <filesystem>

namespace gamut::cli {
namespace {

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

int doctor() {
  std::printf("%s\n", build_info().c_str());
  bool good = check("OCR (Tesseract)", [] { rewards::make_reward({.kind = "ocr"}); });
  good &= check("fonts of data/glyphs", [] { data::glyph_fonts(); });
  good &= check("models/glyphs", [] {
    if (!std::filesystem::exists("models/glyphs/model_index.json"))
      throw EnvironmentError("model", "models/glyphs was not found; run gamut from the project's folder");
  });
  good &= check("models/glyphs-reader", [] { rewards::make_reward({.kind = "reader"}); });
  return good ? 0 : static_cast<int>(ExitCode::kEnvironment);
}

}  // namespace

void add_doctor_command(CLI::App& program, Action& chosen) {
  CLI::App* command = program.add_subcommand("doctor", "what this machine and build can do");
  command->callback([&chosen] { chosen = doctor; });
}

}  // namespace gamut::cli
