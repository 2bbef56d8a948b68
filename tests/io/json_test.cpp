// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/error.h"
#include "gamut/io/files.h"
#include "support/message_of.h"
#include "support/temp_folder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace gamut::io {
namespace json_test {

using gamut::testing::message_of;
using gamut::testing::TempFolder;
using nlohmann::json;

std::string mistake(std::string_view text) {
  return message_of<DataError>([&] { parse_json(text, "x.json"); });
}

void append_raw(const Path& path, std::string_view bytes) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
  ASSERT_EQ(::write(descriptor, bytes.data(), bytes.size()), ssize_t(bytes.size()));
  ::close(descriptor);
}

TEST(json, parses_values) {
  const json value = parse_json(R"( {"a": [1, -2.5, "ü", true, null], "b": {"a": {}}} )", "x.json");
  EXPECT_EQ(value["a"][1], -2.5);
  EXPECT_EQ(value["a"][2], "ü");
  EXPECT_TRUE(value["b"]["a"].is_object());
  EXPECT_EQ(parse_json("3", "x.json"), 3);
}

TEST(json, malformed_text_names_line_and_column) {
  EXPECT_TRUE(
      mistake("{\n  \"a\": 1,\n  b}").starts_with("[json] x.json:3:3 is not valid JSON; got syntax error"))
      << mistake("{\n  \"a\": 1,\n  b}");
  EXPECT_TRUE(mistake("").starts_with("[json] x.json:1:1 is not valid JSON; got "));
  EXPECT_TRUE(mistake("[1, 2").starts_with("[json] x.json:1:6 is not valid JSON; got ")) << mistake("[1, 2");
  for (const char* text : {"[1,]", "{\"a\":}", "nul", "'a'", "[1] 2", "// c\n1", "NaN", "\"\x01\"",
                           "\"\xff\"", "01", "\"\\ud800\"", "{1: 2}", "1e999"}) {
    const std::string message = mistake(text);
    EXPECT_TRUE(message.starts_with("[json] x.json")) << text << ": " << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
}

TEST(json, long_garbage_gives_a_short_message) {
  EXPECT_LT(mistake(std::string(1'000'000, 'x')).size(), 300u);
}

TEST(json, a_key_twice_in_one_object_is_an_error) {
  EXPECT_EQ(mistake(R"({"a": 1, "b": {"a": 2}, "a": 3})"),
            "[json] x.json has the key 'a' twice in one object; expected each key once");
}

TEST(json, depth_is_limited) {
  const auto nested = [](size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_NO_THROW(parse_json(nested(200), "x.json"));
  EXPECT_EQ(mistake(nested(201)), "[json] x.json is nested too deeply; expected at most 200 levels");
  EXPECT_EQ(mistake(std::string(5'000'000, '[')),
            "[json] x.json is nested too deeply; expected at most 200 levels");
  std::string objects;
  for (int i = 0; i < 300; ++i) objects += "{\"a\":";
  EXPECT_EQ(mistake(objects), "[json] x.json is nested too deeply; expected at most 200 levels");
}

TEST(json, files_read_back) {
  const TempFolder folder;
  const json value{{"b", 1}, {"a", {1.5, "x"}}};
  write_json(folder / "f.json", value);
  EXPECT_EQ(read_text(folder / "f.json"), "{\n  \"a\": [\n    1.5,\n    \"x\"\n  ],\n  \"b\": 1\n}\n");
  EXPECT_EQ(read_json(folder / "f.json"), value);
}

TEST(json, file_errors_name_the_file) {
  const TempFolder folder;
  write_atomically(folder / "f.json", "{");
  const std::string message = message_of<DataError>([&] { read_json(folder / "f.json"); });
  EXPECT_TRUE(message.starts_with("[json] " + (folder / "f.json").string() + ":1:2 is not valid JSON"))
      << message;
  EXPECT_THROW(read_json(folder / "none.json"), EnvironmentError);
}

TEST(json, invalid_text_and_numbers_are_still_written_as_json) {
  const TempFolder folder;
  write_json(folder / "f.json", json{{"text", "a\xff"}, {"nan", std::nan("")}});
  const json value = read_json(folder / "f.json");
  EXPECT_EQ(value["text"], "a\xEF\xBF\xBD");
  EXPECT_TRUE(value["nan"].is_null());
}

TEST(json, lines_are_appended_and_read) {
  const TempFolder folder;
  {
    JsonLines lines(folder / "m.jsonl");
    lines.append({{"step", 1}});
    lines.append({{"step", 2}, {"text", "two\nlines"}});
    EXPECT_EQ(read_json_lines(folder / "m.jsonl").size(), 2u);  // on the disk at once
  }
  JsonLines(folder / "m.jsonl").append({{"step", 3}});
  EXPECT_EQ(read_text(folder / "m.jsonl"),
            "{\"step\":1}\n{\"step\":2,\"text\":\"two\\nlines\"}\n{\"step\":3}\n");
}

TEST(json, an_incomplete_last_line_is_ignored_by_readers_and_cut_off_by_writers) {
  const TempFolder folder;
  for (const std::string before : {"", "{\"step\":1}\n"}) {
    const Path path = folder / ("m" + std::to_string(before.size()));
    append_raw(path, before + "{\"step\":2,\"re");
    EXPECT_EQ(read_json_lines(path).size(), before.empty() ? 0u : 1u);
    JsonLines(path).append({{"step", 3}});
    EXPECT_EQ(read_text(path), before + "{\"step\":3}\n");
  }
}

TEST(json, a_malformed_earlier_line_is_an_error_that_names_it) {
  const TempFolder folder;
  append_raw(folder / "m.jsonl", "{}\n{]\n{}\n");
  const std::string message = message_of<DataError>([&] { read_json_lines(folder / "m.jsonl"); });
  EXPECT_TRUE(message.starts_with("[json] " + (folder / "m.jsonl").string() + " (line 2):1:2 is not"))
      << message;
}

TEST(json, lines_can_be_cut_back_to_a_step) {
  const TempFolder folder;
  append_raw(folder / "m.jsonl",
             "{\"step\": 0}\n{\"step\":1,  \"x\":0.10}\n{\"step\":2}\n{\"step\":1}\n{\"st");
  truncate_json_lines(folder / "m.jsonl", "step", 1);
  EXPECT_EQ(read_text(folder / "m.jsonl"), "{\"step\": 0}\n{\"step\":1,  \"x\":0.10}\n{\"step\":1}\n");
  truncate_json_lines(folder / "m.jsonl", "step", -1);
  EXPECT_EQ(read_text(folder / "m.jsonl"), "");
  truncate_json_lines(folder / "none.jsonl", "step", 1);
  EXPECT_FALSE(std::filesystem::exists(folder / "none.jsonl"));
  append_raw(folder / "m.jsonl", "{\"epoch\":1}\n");
  EXPECT_EQ(message_of<DataError>([&] { truncate_json_lines(folder / "m.jsonl", "step", 1); }),
            "[json] " + (folder / "m.jsonl").string() + " (line 1) must have an integer 'step'");
}

TEST(json, the_last_complete_line_is_read_alone) {
  const TempFolder folder;
  const auto path = folder / "m.jsonl";
  EXPECT_FALSE(last_json_line(path));
  append_raw(path, "{\"step\":");
  EXPECT_FALSE(last_json_line(path)) << "incomplete";
  append_raw(path, "1}\n");
  EXPECT_EQ(last_json_line(path), (json{{"step", 1}}));
  append_raw(path, std::string(3'000'000, ' ') + "{\"step\":2}\n{\"step\":3}\n{\"st");
  EXPECT_EQ(last_json_line(path), (json{{"step", 3}}));
  append_raw(path, "\n");
  EXPECT_FALSE(last_json_line(path)) << "malformed";
}

TEST(json, appending_to_a_full_disk_is_an_environment_error) {
  EXPECT_EQ(message_of<EnvironmentError>([] {
              JsonLines("/dev/full").append({{"step", 1}});
            }),
            "[files] cannot append to '/dev/full'; got 'No space left on device'");
  EXPECT_THROW(JsonLines("/nonexistent/m.jsonl"), EnvironmentError);
}

TEST(json, rows_are_not_appended_to_a_file_that_went) {
  const TempFolder folder;
  JsonLines lines(folder / "a.jsonl");
  lines.append({{"step", 1}});
  std::filesystem::rename(folder / "a.jsonl", folder / "b.jsonl");
  EXPECT_THROW(lines.append({{"step", 2}}), EnvironmentError);
  append_raw(folder / "a.jsonl", "");
  EXPECT_THROW(lines.append({{"step", 2}}), EnvironmentError) << "another file of the same name";
  EXPECT_EQ(read_json_lines(folder / "b.jsonl").size(), 1u);
}

TEST(json, values_are_quoted_briefly) {
  EXPECT_EQ(brief(json("a\n\x1b")), "\"a\\n\\u001b\"");
  EXPECT_EQ(brief(json(std::string(1000, 'm')), 10), "\"mmmmmmmmm…");
}

}  // namespace json_test
}  // namespace gamut::io
