// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/prompt_embeddings.h"

#include "gamut/core/error.h"
#include "support/temp_folder.h"
#include "support/tiny_model.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace gamut::models {
namespace prompt_embeddings_test {

struct Encoder {
  testing::TempFolder folder;
  Pipeline pipe = Pipeline::create(testing::write_tiny_model(folder / "configs"), 5, {});
};

// More than one chunk, with repetitions.
std::vector<std::string> many_prompts() {
  std::vector<std::string> prompts;
  const auto word = [](int i) { return i % 3 == 0 ? "the" : i % 3 == 1 ? "digit" : "k"; };
  for (int i = 0; i < 100; ++i)
    prompts.push_back(cat(word(i), " ", word(i / 3), " ", word(i / 9), " ", word(i / 27), " ", word(i / 81)));
  prompts.push_back(prompts[3]);
  prompts.push_back(prompts[99]);
  return prompts;
}

TEST(prompt_embeddings, rows_are_those_of_the_text_encoder) {
  Encoder encoder;
  const std::vector<std::string> prompts = many_prompts();
  const PromptEmbeddings embeddings(encoder.pipe, prompts);
  const std::vector<int64_t> asked{99, 0, 3, 100, 101, 70, 0};
  const Tensor got = embeddings.rows(asked).hidden();
  for (size_t i = 0; i < asked.size(); ++i)
    EXPECT_TRUE(
        at::allclose(got[int64_t(i)], encoder.pipe.encode({prompts[size_t(asked[i])]}).hidden()[0], 0, 1e-6));
  EXPECT_TRUE(at::equal(got[2], got[3]));
  EXPECT_TRUE(at::equal(got[0], got[4]));
}

TEST(prompt_embeddings, each_distinct_prompt_is_encoded_once_when_asked_for) {
  Encoder encoder;
  const PromptEmbeddings embeddings(encoder.pipe, many_prompts());
  EXPECT_EQ(embeddings.num_encoded(), 0);
  embeddings.rows({70});
  EXPECT_EQ(embeddings.num_encoded(), 100 - PromptEmbeddings::kChunk);
  embeddings.rows({101, 0, 63, 100});
  EXPECT_EQ(embeddings.num_encoded(), 100);
}

TEST(prompt_embeddings, no_bit_depends_on_the_order_of_asking) {
  Encoder encoder;
  const PromptEmbeddings first(encoder.pipe, many_prompts()), second(encoder.pipe, many_prompts());
  second.rows({99});
  second.rows({7});
  EXPECT_TRUE(at::equal(first.rows({7, 99}).hidden(), second.rows({7, 99}).hidden()));
}

}  // namespace prompt_embeddings_test
}  // namespace gamut::models
