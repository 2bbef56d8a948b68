// SPDX-License-Identifier: Apache-2.0
#include "gamut/text/prompt_set.h"

#include "gamut/core/error.h"
#include "gamut/io/files.h"
#include "support/message_of.h"
#include "support/temp_folder.h"

#include <gtest/gtest.h>

namespace gamut::text {
namespace prompt_set_test {

class PromptFile {
 public:
  PromptFile(const std::string& name, const std::string& text) : path_(folder_ / name) {
    io::write_atomically(path_, text);
  }
  std::vector<Prompt> load() const { return load_prompts(path_); }
  std::string message() const {
    std::string text = testing::message_of<DataError>([&] { load(); });
    const size_t at = text.find(path_.string());
    return at == std::string::npos ? text : text.replace(at, path_.string().size(), "FILE");
  }

 private:
  testing::TempFolder folder_;
  std::filesystem::path path_;
};

TEST(prompt_set, reads_json_lines) {
  const auto prompts =
      PromptFile("a.jsonl",
                 "{\"prompt\": \"the digit 7\", \"target\": \"7\", \"attributes\": {\"ink\": \"white\"}}\n\n"
                 "{\"prompt\": \"a sign \\\"OPEN\\\" and \\\"SHUT\\\"\"}\r\n{\"prompt\": \"no \\\" end\"}")
          .load();
  ASSERT_EQ(prompts.size(), 3u);
  EXPECT_EQ(prompts[0].text, "the digit 7");
  EXPECT_EQ(prompts[0].target, "7");
  EXPECT_EQ(prompts[0].attributes, (std::map<std::string, std::string>{{"ink", "white"}}));
  EXPECT_EQ(prompts[1].target, "OPEN");
  EXPECT_EQ(prompts[2].target, "");
}

TEST(prompt_set, prefers_a_given_target_to_the_quoted_one) {
  EXPECT_EQ(PromptFile("a.jsonl", R"({"prompt": "say \"A\"", "target": "B"})").load()[0].target, "B");
}

TEST(prompt_set, reads_plain_lines) {
  const auto prompts = PromptFile("a.txt", "first \"X\"\r\n  \n{\"prompt\": 1}\n").load();
  ASSERT_EQ(prompts.size(), 2u);
  EXPECT_EQ(prompts[0].text, "first \"X\"");
  EXPECT_EQ(prompts[0].target, "X");
  EXPECT_EQ(prompts[1].text, "{\"prompt\": 1}");
}

TEST(prompt_set, names_the_line_of_a_mistake) {
  EXPECT_EQ(PromptFile("a.jsonl", "{\"prompt\": \"x\"}\n[]\n").message(),
            "[prompts] 'FILE' line 2: a line must be one JSON object");
  EXPECT_EQ(PromptFile("a.jsonl", "{\"target\": \"x\"}").message(),
            "[prompts] 'FILE' line 1: 'prompt' must be a non-empty string; got the keys target");
  EXPECT_EQ(PromptFile("a.jsonl", "{\"prompt\": \"x\", \"target\": 7}").message(),
            "[prompts] 'FILE' line 1: 'target' must be a string; got 7");
  EXPECT_EQ(PromptFile("a.jsonl", "{\"prompt\": \"x\", \"attributes\": {\"ink\": 1}}").message(),
            "[prompts] 'FILE' line 1: attribute 'ink' must be a string; got 1");
  EXPECT_TRUE(PromptFile("a.jsonl", "\n{\"prompt\": ").message().starts_with("[json] 'FILE' line 2"));
}

TEST(prompt_set, keeps_what_it_does_not_know) {
  const auto prompts =
      PromptFile(
          "a.jsonl",
          "{\"tag\": \"counting\", \"include\": [{\"class\": \"cup\", \"count\": 2}], \"exclude\": null, "
          "\"prompt\": \"two cups\"}\n"
          "{\"prompt\": \"x\", \"target\": null, \"attributes\": {\"size\": 1.5, \"hue\": \"red\"}}\n"
          "{\"prompt\": \"y\", \"attributes\": [\"big\"]}\n")
          .load();
  EXPECT_EQ(prompts[0].metadata,
            R"({"exclude":null,"include":[{"class":"cup","count":2}],"tag":"counting"})");
  EXPECT_EQ(prompts[0].target, "");
  EXPECT_EQ(prompts[1].metadata, R"({"attributes":{"hue":"red","size":1.5}})");
  EXPECT_EQ(prompts[1].attributes, (std::map<std::string, std::string>{{"hue", "red"}}));
  EXPECT_EQ(prompts[2].metadata, R"({"attributes":["big"]})");
  EXPECT_EQ(prompts[2].line, 3);
}

TEST(prompt_set, drops_a_byte_order_mark) {
  for (const char* name : {"a.txt", "a.jsonl"}) {
    const std::string line = std::string(name) == "a.txt" ? "the digit 7" : "{\"prompt\": \"the digit 7\"}";
    const auto prompts = PromptFile(name, "\xEF\xBB\xBF" + line + "\r\n" + line + "\r\n").load();
    ASSERT_EQ(prompts.size(), 2u);
    EXPECT_EQ(prompts[0].text, "the digit 7");
    EXPECT_EQ(prompts[1].text, "the digit 7");
  }
}

TEST(prompt_set, names_the_line_that_is_not_utf8) {
  for (const char* name : {"a.txt", "a.jsonl"})
    EXPECT_EQ(PromptFile(name, "{\"prompt\": \"x\"}\n{\"prompt\": \"caf\xE9\"}\n").message(),
              "[files] 'FILE' line 2 is not UTF-8; got the byte 0xE9; save the file as UTF-8");
}

TEST(prompt_set, any_double_quotes_name_a_target) {
  EXPECT_EQ(quoted_part("says \"7\" or \"8\""), "7");
  for (const char* text :
       {"says “7”", "says „7“", "says ”7”", "dit «7»", "says “7\"", "写着「7」", "says ‘7’", "says ＂7＂"})
    EXPECT_EQ(quoted_part(text), "7") << text;
  EXPECT_EQ(quoted_part("the cat’s sign says “it’s mine”"), "it’s mine");
  EXPECT_EQ(quoted_part("says ‘it’s mine’ twice"), "it’s mine");
  for (const char* text : {"the cat’s ball", "six o’clock’s past ‘open", "no \" end", "the 5' ladder's"})
    EXPECT_EQ(quoted_part(text), "") << text;
}

TEST(prompt_set, refuses_an_empty_set) {
  EXPECT_EQ(PromptFile("a.jsonl", "\n \n").message(),
            "[prompts] 'FILE' must hold at least one prompt; got none");
  EXPECT_NE(
      testing::message_of<EnvironmentError>([] { load_prompts("/no/such.jsonl"); }).find("/no/such.jsonl"),
      std::string::npos);
}

}  // namespace prompt_set_test
}  // namespace gamut::text
