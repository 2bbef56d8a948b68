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
            "[prompts] 'FILE' line 1: 'prompt' must be a non-empty string");
  EXPECT_EQ(PromptFile("a.jsonl", "{\"prompt\": \"x\", \"targt\": \"x\"}").message(),
            "[prompts] 'FILE' line 1: unknown key 'targt'; expected prompt, target, attributes");
  EXPECT_EQ(PromptFile("a.jsonl", "{\"prompt\": \"x\", \"attributes\": {\"ink\": 1}}").message(),
            "[prompts] 'FILE' line 1: attribute 'ink' must be a string; got 1");
  EXPECT_TRUE(PromptFile("a.jsonl", "\n{\"prompt\": ").message().starts_with("[json] 'FILE' line 2"));
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
