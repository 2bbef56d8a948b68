// SPDX-License-Identifier: Apache-2.0
#include "gamut/text/prompt_variants.h"

#include "gamut/core/error.h"
#include "gamut/io/files.h"
#include "support/message_of.h"
#include "support/temp_folder.h"

#include <gtest/gtest.h>

namespace gamut::text {
namespace prompt_variants_test {

class VariantsFile {
 public:
  explicit VariantsFile(const std::string& text) : path_(folder_ / "variants.jsonl") {
    io::write_atomically(path_, text);
  }
  std::vector<Prompt> of(const std::vector<Prompt>& prompts) const { return with_variants(prompts, path_); }
  std::string message() const {
    const std::vector<Prompt> prompts = {{.text = "the digit 7", .target = "7", .attributes = {}}};
    std::string text = testing::message_of<DataError>([&] { of(prompts); });
    const size_t at = text.find(path_.string());
    return at == std::string::npos ? text : text.replace(at, path_.string().size(), "FILE");
  }

 private:
  testing::TempFolder folder_;
  std::filesystem::path path_;
};

Prompt seven() {
  return {.text = "the digit 7", .target = "7", .attributes = {{"ink", "red"}}, .metadata = "{}", .line = 4};
}

TEST(prompt_variants, stand_in_the_prompts_place_and_inherit_all_but_the_text) {
  const Prompt other{.text = "the letter K", .target = "K", .attributes = {}};
  const auto prompts =
      VariantsFile(R"({"prompt": "the digit 7", "variants": ["the digit 7, serif", "the digit 7"]})")
          .of({seven(), other});
  EXPECT_EQ(texts_of(prompts),
            (std::vector<std::string>{"the digit 7, serif", "the digit 7", "the letter K"}));
  for (const size_t variant : {0u, 1u}) {
    EXPECT_EQ(prompts[variant].target, "7");
    EXPECT_EQ(prompts[variant].attributes, seven().attributes);
    EXPECT_EQ(prompts[variant].metadata, "{}");
    EXPECT_EQ(prompts[variant].line, 4);
  }
  EXPECT_EQ(plain_texts_of(prompts),
            (std::vector<std::string>{"the digit 7", "the digit 7", "the letter K"}));
  EXPECT_EQ(prompts[2].target, "K");
}

TEST(prompt_variants, of_other_prompts_are_left_out) {
  const auto prompts = VariantsFile(
                           "{\"prompt\": \"the digit 7\", \"variants\": [\"a 7\"]}\n"
                           "{\"prompt\": \"the digit 8\", \"variants\": [\"an 8\"]}\n")
                           .of({seven()});
  EXPECT_EQ(texts_of(prompts), (std::vector<std::string>{"a 7"}));
}

TEST(prompt_variants, a_mistake_names_its_line) {
  const std::string rule =
      "[prompts] 'FILE' line 1: 'variants' must be a list of one or more non-empty strings; got ";
  EXPECT_EQ(VariantsFile(R"({"prompt": "the digit 7"})").message(), rule + "none");
  EXPECT_EQ(VariantsFile(R"({"prompt": "the digit 7", "variants": "a 7"})").message(), rule + R"("a 7")");
  EXPECT_EQ(VariantsFile(R"({"prompt": "the digit 7", "variants": []})").message(), rule + "[]");
  EXPECT_EQ(VariantsFile(R"({"prompt": "the digit 7", "variants": ["a 7", ""]})").message(), rule + R"("")");
  EXPECT_EQ(VariantsFile(R"({"prompt": "the digit 7", "variants": ["a 7", 7]})").message(), rule + "7");
  EXPECT_EQ(
      VariantsFile("{\"prompt\": \"a\", \"variants\": [\"b\"]}\n{\"prompt\": \"a\", \"variants\": [\"c\"]}")
          .message(),
      "[prompts] 'FILE' line 2: a prompt must have one line of variants; got 'a' again");
}

TEST(prompt_variants, of_no_prompt_at_all_are_refused) {
  EXPECT_EQ(
      VariantsFile(R"({"prompt": "the digit 8", "variants": ["an 8"]})").message(),
      "[prompts] 'FILE' must name prompts of the recipe; it names 'the digit 8' and the like, the recipe's "
      "are 'the digit 7' and the like");
}

}  // namespace prompt_variants_test
}  // namespace gamut::text
