// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/config.h"
#include "gamut/core/error.h"
#include "support/message_of.h"
#include "support/temp_folder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

namespace gamut {
namespace recipe_test {

using testing::message_of;
using testing::TempFolder;

void write(const std::filesystem::path& path, std::string_view text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

// key -> "value origin"
std::map<std::string, std::string> listed(const Recipe& recipe) {
  std::map<std::string, std::string> result;
  for (const RecipeEntry& entry : recipe.entries) result[entry.key] = entry.toml + " " + entry.origin;
  return result;
}
using Listing = std::map<std::string, std::string>;

std::string mistake(std::string_view toml, const std::vector<std::string>& sets = {}) {
  return message_of<ConfigError>([&] { parse_recipe(toml, "r.toml", sets); });
}

TEST(recipe, lists_dotted_keys_with_values_and_places) {
  const Recipe recipe = parse_recipe(
      "seed = 0x10\n[sampler]\nkind = 'ode'\n  steps.max = 1_0\n"
      "mix = { ocr = 1.0, b = [1, 2] }\n[a.b]\nc = true\n",
      "r.toml");
  EXPECT_EQ(listed(recipe), (Listing{{"seed", "16 r.toml:1"},
                                     {"sampler.kind", "\"ode\" r.toml:3"},
                                     {"sampler.steps.max", "10 r.toml:4"},
                                     {"sampler.mix.ocr", "1.0 r.toml:5"},
                                     {"sampler.mix.b", "[1, 2] r.toml:5"},
                                     {"a.b.c", "true r.toml:7"}}));
  for (const RecipeEntry& entry : recipe.entries) {
    if (entry.key == "sampler.kind") {
      EXPECT_EQ(entry.line, 3);
      EXPECT_EQ(entry.column, 1);
    }
  }
}

TEST(recipe, numbers_the_tables_of_an_array) {
  const Recipe recipe = parse_recipe("[[run]]\nseed = 1\n[[run]]\n[[run]]\nloss.kind = 'x'\n", "r.toml",
                                     {"variant=[{label = \"a\"}]"});
  EXPECT_EQ(listed(recipe), (Listing{{"run.1.seed", "1 r.toml:2"},
                                     {"run.2", "{} r.toml:3"},
                                     {"run.3.loss.kind", "\"x\" r.toml:5"},
                                     {"variant.1.label", "\"a\" --set #1"}}));
}

TEST(recipe, sets_win_in_order_and_take_toml_or_bare_text) {
  const Recipe recipe = parse_recipe("a = 1\nb = 2\n", "r.toml",
                                     {"a=3", "a = 4 ", "kind=ode", "text=\"x y\"", "words=the digit 7",
                                      "list=[1, 2]", "mix={ x = 1, y.z = 2 }", "path=a/b=c.toml"});
  EXPECT_EQ(listed(recipe), (Listing{{"a", "4 --set #2"},
                                     {"b", "2 r.toml:2"},
                                     {"kind", "\"ode\" --set #3"},
                                     {"text", "\"x y\" --set #4"},
                                     {"words", "\"the digit 7\" --set #5"},
                                     {"list", "[1, 2] --set #6"},
                                     {"mix.x", "1 --set #7"},
                                     {"mix.y.z", "2 --set #7"},
                                     {"path", "\"a/b=c.toml\" --set #8"}}));
}

TEST(recipe, malformed_sets_are_errors) {
  EXPECT_EQ(mistake("", {"a=1", "steps"}), "[config] --set #2 must have the form key=value; got 'steps'");
  EXPECT_EQ(mistake("", {"=1"}), "[config] --set #1 has a malformed key; got ''");
  EXPECT_EQ(mistake("", {"a b=1"}), "[config] --set #1 has a malformed key; got 'a b'");
  EXPECT_EQ(mistake("", {"a..b=1"}), "[config] --set #1 has a malformed key; got 'a..b'");
  EXPECT_EQ(mistake("", {"a=[1"}),
            "[config] --set #1 has a malformed value for 'a'; got '[1'; expected a TOML value");
  EXPECT_EQ(mistake("", {"a="}),
            "[config] --set #1 has a malformed value for 'a'; got ''; expected a TOML value");
  EXPECT_EQ(mistake("", {"a=1\nb = 2"}),
            "[config] --set #1 has a malformed value for 'a'; got '1?b = 2'; expected a TOML value");
}

TEST(recipe, malformed_toml_names_file_line_and_column) {
  const std::string message = mistake("a = 1\nb = = 2\n");
  EXPECT_TRUE(message.starts_with("[config] malformed TOML (r.toml:2:5); ")) << message;
  EXPECT_TRUE(mistake("a = 1\na = 2\n").starts_with("[config] malformed TOML (r.toml:2:"))
      << mistake("a = 1\na = 2\n");
  EXPECT_TRUE(
      mistake("\na = \"\xff\"\n").starts_with("[config] 'r.toml' line 2 is not UTF-8; got the byte 0xFF;"));
}

TEST(recipe, bases_come_first_from_left_to_right) {
  const TempFolder folder;
  write(folder / "base/root.toml", "a = 'root'\nb = 'root'\nc = 'root'\nd = 'root'\n");
  write(folder / "base/left.toml", "extends = 'root.toml'\nb = 'left'\nc = 'left'\n[t]\nx = 1\ny = 1\n");
  write(folder / "base/right.toml", "c = 'right'\nt.y = 2\n");
  write(folder / "r.toml", "extends = ['base/left.toml', 'base/right.toml']\nd = 'own'\n");
  const std::string at = folder.path().string();
  EXPECT_EQ(listed(load_recipe(folder / "r.toml")), (Listing{{"a", "\"root\" " + at + "/base/root.toml:1"},
                                                             {"b", "\"left\" " + at + "/base/left.toml:2"},
                                                             {"c", "\"right\" " + at + "/base/right.toml:1"},
                                                             {"d", "\"own\" " + at + "/r.toml:2"},
                                                             {"t.x", "1 " + at + "/base/left.toml:5"},
                                                             {"t.y", "2 " + at + "/base/right.toml:2"}}));
}

TEST(recipe, one_base_may_be_reached_twice) {
  const TempFolder folder;
  write(folder / "root.toml", "a = 1\n");
  write(folder / "left.toml", "extends = 'root.toml'\na = 2\n");
  write(folder / "r.toml", "extends = ['left.toml', 'root.toml']\n");
  EXPECT_EQ(load_recipe(folder / "r.toml").entries.at(0).toml, "1");
}

TEST(recipe, cycles_are_errors) {
  const TempFolder folder;
  write(folder / "a.toml", "extends = 'sub/b.toml'\n");
  write(folder / "sub/b.toml", "\nextends = '../a.toml'\n");
  const std::string at = folder.path().string();
  EXPECT_EQ(message_of<ConfigError>([&] { load_recipe(folder / "a.toml"); }),
            "[config] recipe '" + at + "/a.toml' extends itself (extends in " + at + "/sub/b.toml:2:11)");
}

TEST(recipe, missing_files_and_folders_are_errors) {
  const TempFolder folder;
  const std::string at = folder.path().string();
  EXPECT_EQ(message_of<ConfigError>([&] { load_recipe(folder / "none.toml"); }),
            "[config] cannot read recipe '" + at + "/none.toml'; got 'No such file or directory'");
  EXPECT_EQ(message_of<ConfigError>([&] { load_recipe(folder.path()); }),
            "[config] cannot read recipe '" + at + "'; got 'Is a directory'");
  write(folder / "r.toml", "extends = 'none.toml'\n");
  EXPECT_EQ(message_of<ConfigError>([&] { load_recipe(folder / "r.toml"); }),
            "[config] cannot read recipe '" + at + "/none.toml' (extends in " + at +
                "/r.toml:1:11); got 'No such file or directory'");
}

TEST(recipe, extends_must_name_files) {
  const std::string start = "[config] key 'extends' must be a file name or a list of them; got ";
  EXPECT_EQ(mistake("extends = 3\n"), start + "3 (r.toml:1:11)");
  EXPECT_EQ(mistake("extends = ''\n"), start + "\"\" (r.toml:1:11)");
  EXPECT_EQ(mistake("extends = ['a.toml', 2]\n"), start + "[\"a.toml\", 2] (r.toml:1:11)");
  EXPECT_EQ(mistake("[extends]\na = 1\n"), start + "{ \"a\" = 1 } (r.toml:1:1)");
}

TEST(recipe, endless_and_bottomless_texts_are_errors) {
  const std::string endless = message_of<ConfigError>([] { load_recipe("/dev/zero"); });
  EXPECT_EQ(endless, "[config] recipe '/dev/zero' is too large; expected at most 16777216 bytes");
  std::string dotted = "a";
  for (int i = 0; i < 10'000; ++i) dotted += ".a";
  EXPECT_EQ(mistake(dotted + " = 1\n"),
            "[config] malformed TOML (r.toml:1:100); a key may have at most 50 parts");
  const std::string forty = dotted.substr(0, 79), nested = "[" + forty + "]\nx = {" + forty + " = 1}\n";
  EXPECT_EQ(mistake(nested), "[config] malformed TOML (r.toml); tables and lists may lie at most 50 deep");
  const std::string set =
      message_of<ConfigError>([&] { parse_recipe("", "r.toml", {"x={" + dotted + "=1}"}); });
  EXPECT_TRUE(set.starts_with("[config] --set #1 has a malformed value for 'x'")) << set;
  EXPECT_LE(set.size(), 400u);
}

TEST(recipe, bases_of_bases_end) {
  const TempFolder folder;
  for (int i = 0; i < 60; ++i)
    write(folder / (std::to_string(i) + ".toml"), "extends = '" + std::to_string(i + 1) + ".toml'\n");
  write(folder / "60.toml", "a = 1\n");
  EXPECT_NO_THROW(load_recipe(folder / "20.toml"));
  EXPECT_NE(message_of<ConfigError>([&] { load_recipe(folder / "0.toml"); }).find("is one base too many"),
            std::string::npos);
}

// Both run into assertions of toml++ 3.3.
TEST(recipe, bytes_outside_of_ascii_are_named_before_they_are_parsed) {
  EXPECT_EQ(
      mistake("\u0490"),
      "[config] malformed TOML (r.toml:1:1); the byte 0xD2 may not stand outside of strings and comments");
  EXPECT_EQ(mistake("[\x01"), "[config] malformed TOML (r.toml:1:2); the byte 0x01 may not stand in TOML");
}

TEST(recipe, headers_that_are_no_headers_are_errors) {
  for (const char* text : {"[=", "[[=\nkey = 1", "a = [1\"é\"]", "a = [1[\"\u0490\"]]", "[!]", "[a.=]",
                           "[[a].b]", "a.= 1", "{", "=", "[a]]"})
    EXPECT_TRUE(mistake(text).starts_with("[config] malformed TOML (r.toml"))
        << text << ": " << mistake(text);
}

}  // namespace recipe_test
}  // namespace gamut
