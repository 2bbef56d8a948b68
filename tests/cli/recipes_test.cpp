// SPDX-License-Identifier: Apache-2.0
// Every fine-tuning recipe that ships resolves, and its schedule can be drawn.
#include "cli/run_program.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

namespace gamut::testing {
namespace recipes_test {

namespace fs = std::filesystem;

const fs::path kRecipes = GAMUT_SOURCE_DIR "/recipes";

// Those of gamut pretrain name a task, those of gamut sweep list recipes; the others fine-tune.
std::set<fs::path> fine_tuning_recipes() {
  std::set<fs::path> found;
  for (const auto& entry : fs::recursive_directory_iterator(kRecipes)) {
    if (entry.path().extension() != ".toml" || entry.path().parent_path().filename() == "sweeps") continue;
    if (read_file(entry.path()).find("\ntask = ") == std::string::npos) found.insert(entry.path());
  }
  return found;
}

TEST(recipes, each_resolves) {
  const std::set<fs::path> recipes = fine_tuning_recipes();
  EXPECT_GE(recipes.size(), 12u);
  for (const fs::path& recipe : recipes) {
    const Ran config = gamut({"explain", "config", recipe.string()});
    EXPECT_EQ(config.code, 0) << recipe << "\n" << config.err;
    const Ran schedule = gamut({"explain", "schedule", recipe.string()});
    EXPECT_EQ(schedule.code, 0) << recipe << "\n" << schedule.err;
  }
}

TEST(recipes, those_without_a_model_of_their_own_ask_for_one) {
  const Ran ran = gamut({"eval", (kRecipes / "sd15/ddpo.toml").string(), "--set", "device=cpu"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_EQ(
      ran.err,
      "error: [model] this recipe leaves the model to you; got model = \"\"; name a folder in diffusers' "
      "layout, for example --set model=stable-diffusion-v1-5\n");
}

}  // namespace recipes_test
}  // namespace gamut::testing
