// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/input_files.h"

#include "gamut/core/config.h"
#include "support/temp_folder.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

namespace gamut {
namespace input_files_test {

namespace fs = std::filesystem;
using testing::TempFolder;

// Gamut's data, a recipe's folder and the current folder, each with its own files; the latter two are left
// again at the end.
class Places {
 public:
  Places() {
    for (const char* folder : {"data", "recipe", "here"}) fs::create_directories(root_ / folder);
    before_ = fs::current_path();
    fs::current_path(root_ / "here");
    ::setenv("GAMUT_DATA", (root_ / "data").c_str(), 1);
  }
  ~Places() {
    fs::current_path(before_);
    ::unsetenv("GAMUT_DATA");
  }
  void put(const std::string& file) const {
    fs::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << file;
  }
  std::string operator/(const std::string& file) const { return (root_ / file).string(); }
  InputFile find(const std::string& name, NamedBy named_by) const {
    return find_input(name, named_by, root_ / "recipe");
  }

 private:
  TempFolder root_;
  fs::path before_;
};

struct Words {
  std::string prompts = "default.txt", kind = "x.txt";
  void fields(FieldVisitor& v) {
    v.field("prompts", prompts, input_path(), "a file");
    v.field("kind", kind, any_value(), "no file");
  }
};

TEST(input_files, a_recipes_own_folder_goes_before_data_before_the_current_folder) {
  const Places places;
  places.put("here/x.txt");
  EXPECT_EQ(places.find("x.txt", NamedBy::kRecipe).name, "x.txt");
  EXPECT_EQ(places.find("x.txt", NamedBy::kRecipe).written, places / "here/x.txt");
  places.put("data/x.txt");
  EXPECT_EQ(places.find("x.txt", NamedBy::kRecipe).name, places / "data/x.txt");
  EXPECT_EQ(places.find("x.txt", NamedBy::kRecipe).written, "x.txt");  // wherever the data lies
  places.put("recipe/x.txt");
  EXPECT_EQ(places.find("x.txt", NamedBy::kRecipe).name, places / "recipe/x.txt");
  EXPECT_EQ(places.find("x.txt", NamedBy::kRecipe).written, places / "recipe/x.txt");
}

TEST(input_files, the_command_line_means_the_current_folder_first) {
  const Places places;
  places.put("data/x.txt");
  places.put("recipe/x.txt");
  EXPECT_EQ(places.find("x.txt", NamedBy::kCommandLine).name, places / "data/x.txt");
  places.put("here/x.txt");
  EXPECT_EQ(places.find("x.txt", NamedBy::kCommandLine).name, "x.txt");
  EXPECT_EQ(places.find("x.txt", NamedBy::kCommandLine).written, places / "here/x.txt");
}

TEST(input_files, a_default_means_the_data_first) {
  const Places places;
  places.put("here/x.txt");
  EXPECT_EQ(places.find("x.txt", NamedBy::kDefault).name, "x.txt");
  places.put("data/x.txt");
  EXPECT_EQ(places.find("x.txt", NamedBy::kDefault).name, places / "data/x.txt");
}

TEST(input_files, names_that_lead_nowhere_and_absolute_ones_stay) {
  const Places places;
  places.put("here/x.txt");
  for (const NamedBy by : {NamedBy::kRecipe, NamedBy::kCommandLine, NamedBy::kDefault})
    for (const std::string& name : {std::string(), std::string("no/such/file"), places / "here/x.txt"}) {
      EXPECT_EQ(places.find(name, by).name, name);
      EXPECT_EQ(places.find(name, by).written, name);
    }
}

// From the data folder itself the short name is kept, in messages and in what is stored.
TEST(input_files, the_same_file_keeps_its_short_name) {
  const Places places;
  places.put("data/models/x.txt");
  fs::current_path(places / "data");
  EXPECT_EQ(places.find("models/x.txt", NamedBy::kRecipe).name, "models/x.txt");
  EXPECT_EQ(places.find("models/x.txt", NamedBy::kRecipe).written, "models/x.txt");
}

TEST(input_files, recipes_bind_paths_relative_to_the_file_that_writes_them) {
  const Places places;
  places.put("recipe/sub/base.txt");
  places.put("recipe/x.txt");
  std::ofstream(places / "recipe/sub/base.toml") << "prompts = \"base.txt\"\nkind = \"x.txt\"\n";
  std::ofstream(places / "recipe/r.toml") << "extends = \"sub/base.toml\"\n";
  Words words;
  const Resolved resolved = bind(load_recipe("../recipe/r.toml"), words);
  EXPECT_TRUE(fs::equivalent(words.prompts, places / "recipe/sub/base.txt")) << words.prompts;
  EXPECT_EQ(words.kind, "x.txt");
  EXPECT_EQ(resolved.fields[0].toml, "\"" + (places / "recipe/sub/base.txt") + "\"");
  EXPECT_EQ(resolved.fields[0].rule, "a path");

  // What was resolved is stored, and read elsewhere it means the same.
  fs::create_directories(places / "run");
  std::ofstream(places / "run/config.toml") << resolved.to_toml();
  fs::current_path("/");
  bind(load_recipe(places / "run/config.toml"), words);
  EXPECT_EQ(words.prompts, places / "recipe/sub/base.txt");
}

TEST(input_files, set_and_the_recipe_itself_are_named_on_the_command_line) {
  const Places places;
  places.put("here/x.txt");
  places.put("recipe/x.txt");
  std::ofstream(places / "data/r.toml") << "kind = \"y\"\n";
  Words words;
  bind(load_recipe("r.toml", {"prompts=x.txt"}), words);
  EXPECT_EQ(words.prompts, "x.txt");
  EXPECT_EQ(words.kind, "y");
  std::ofstream(places / "here/r.toml") << "kind = \"z\"\n";
  bind(load_recipe("r.toml"), words);
  EXPECT_EQ(words.kind, "z");
}

TEST(input_files, a_default_path_comes_from_the_data_and_is_stored_as_it_is) {
  const Places places;
  places.put("data/default.txt");
  Words words;
  const Resolved resolved = bind(Recipe{}, words);
  EXPECT_EQ(words.prompts, places / "data/default.txt");
  EXPECT_EQ(resolved.fields[0].toml, "\"default.txt\"");
}

// This test's own program stands in a build folder of the checkout.
TEST(input_files, a_build_folder_belongs_to_its_checkout) {
  EXPECT_TRUE(fs::equivalent(data_folder(), GAMUT_SOURCE_DIR)) << data_folder();
}

}  // namespace input_files_test
}  // namespace gamut
