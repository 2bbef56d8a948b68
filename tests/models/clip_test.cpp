// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/clip/clip.h"

#include "gamut/core/error.h"
#include "gamut/text/clip_tokenizer.h"
#include "models/hashed_weights.h"
#include "support/message_of.h"
#include "support/temp_folder.h"
#include "support/cpu_paths.h"

#include <cmath>

namespace gamut::models {
namespace clip_test {

using testing::message_of;
using testing::TempFolder;

nlohmann::json processor_json(int64_t size) {
  return {{"size", {{"shortest_edge", size}}}, {"crop_size", {{"height", size}, {"width", size}}}};
}

// A folder as transformers' save_pretrained writes it, with the fixture's config and weights.
void write_folder(const Fixture& fixture, const TempFolder& folder) {
  text::write_word_tokenizer(folder.path(), {}, 10);
  // The fixture's 99 ids hold no byte alphabet: a vocabulary of its own size.
  io::write_json(folder / "vocab.json",
                 {{"<|startoftext|>", 97}, {"<|endoftext|>", 98}, {"a", 0}, {"a</w>", 1}});
  io::write_json(folder / "config.json", fixture.config);
  io::write_json(folder / "preprocessor_config.json",
                 processor_json(fixture.config["vision_config"]["image_size"].get<int64_t>()));
  std::vector<nn::NamedTensor> tensors;
  for (const auto& [name, tensor] : fixture.weights) tensors.push_back({name, tensor});
  nn::save_safetensors(folder / "model.safetensors", tensors, {{"format", "pt"}});
}

Tensor cross_entropy_of_pairs(const Tensor& logits) {
  const Tensor own = at::arange(logits.size(0));
  return (at::cross_entropy_loss(logits, own) + at::cross_entropy_loss(logits.t(), own)) / 2;
}

void expect_golden(const std::string& name) {
  const TempFolder folder;
  const Fixture fixture = Fixture::read(name);
  write_folder(fixture, folder);
  Clip clip = Clip::open(folder.path(), {});
  clip.params().require_grad(true);
  const Tensor images = clip.image_embeddings(fixture.tensors.at("pixels"));
  const Tensor texts = clip.text_embeddings(fixture.tensors.at("ids"));
  const Tensor logits = images.matmul(texts.t()) * clip.logit_scale().exp();
  expect_near(images, fixture.tensors.at("image_embeds"), 1e-5, "image_embeds");
  expect_near(texts, fixture.tensors.at("text_embeds"), 1e-5, "text_embeds");
  expect_near(logits, fixture.tensors.at("logits_per_image"), 1e-5, "logits_per_image");
  const Tensor loss = cross_entropy_of_pairs(logits);
  expect_near(loss, fixture.tensors.at("loss"), 1e-5, "loss");
  loss.backward();
  expect_gradients(clip.params(), fixture);
}

TEST_ON_CPU_PATHS(clip, equals_transformers_with_quick_gelu) { expect_golden("clip_model_quick_gelu"); }

TEST_ON_CPU_PATHS(clip, equals_transformers_with_gelu_and_another_projection) {
  expect_golden("clip_model_gelu");
}

// A micro model with real tokens, for what needs no weights of anybody's.
void write_micro(const TempFolder& folder) {
  const nlohmann::json tower = {
      {"hidden_size", 16}, {"intermediate_size", 24}, {"num_hidden_layers", 1}, {"num_attention_heads", 2}};
  nlohmann::json text = tower, vision = tower;
  text["max_position_embeddings"] = 8;
  vision["image_size"] = 16;
  vision["patch_size"] = 8;
  io::write_json(folder / "config.json",
                 {{"projection_dim", 12}, {"text_config", text}, {"vision_config", vision}});
  io::write_json(folder / "preprocessor_config.json", processor_json(16));
  text::write_word_tokenizer(folder.path(), {"the", "digit", "7"}, 8);
}

TEST(clip, a_new_model_is_of_its_seed_and_survives_its_folder) {
  const TempFolder folder, saved;
  write_micro(folder);
  const Clip clip = Clip::create(folder.path(), 5, {});
  clip.save(saved.path());
  const Clip again = Clip::open(saved.path(), {});
  const Tensor pictures = at::rand({3, 3, 20, 16});
  const Tensor images = clip.image_embeddings(clip.preprocess(pictures));
  const Tensor texts = clip.text_embeddings(clip.tokenize({"the digit 7", "7"}));
  EXPECT_EQ(images.sizes(), (std::vector<int64_t>{3, 12}));
  expect_near(images.norm(2, 1), at::ones({3}), 1e-6, "length of image embeddings");
  expect_near(texts.norm(2, 1), at::ones({2}), 1e-6, "length of text embeddings");
  EXPECT_TRUE(at::equal(images, again.image_embeddings(again.preprocess(pictures))));
  EXPECT_TRUE(at::equal(texts, again.text_embeddings(again.tokenize({"the digit 7", "7"}))));
  EXPECT_NEAR(again.logit_scale().item<double>(), std::log(1 / 0.07), 1e-4);
  EXPECT_EQ(again.config().text.vocab_size, text::ClipTokenizer::load(saved.path()).vocabulary_size());
  const Tensor other = Clip::create(folder.path(), 6, {}).image_embeddings(clip.preprocess(pictures));
  EXPECT_FALSE(at::allclose(images, other, 1e-3, 1e-3));
}

TEST(clip, a_long_text_is_cut_to_the_context) {
  const TempFolder folder;
  write_micro(folder);
  const Tensor ids = Clip::create(folder.path(), 5, {}).tokenize({"7 7 7 7 7 7 7 7 7 7 7 7", "7"});
  EXPECT_EQ(ids.sizes(), (std::vector<int64_t>{2, 8}));
  EXPECT_TRUE(at::equal(ids.select(1, 7)[0], ids.select(1, 2)[1]));  // both end in the end token
}

TEST(clip, the_dictionaries_of_the_first_files_are_read) {
  const nlohmann::json old = {{"text_config_dict", {{"hidden_size", 24}, {"num_attention_heads", 3}}},
                              {"text_config", {{"eos_token_id", 2}}},
                              {"vision_config_dict", nullptr},
                              {"vision_config", {{"patch_size", 16}}}};
  const ClipConfig config = parse_clip_config(old, "config.json");
  EXPECT_EQ(config.text.hidden_size, 24);
  EXPECT_EQ(config.text.eos_token_id, 49407);
  EXPECT_EQ(config.vision.patch_size, 16);
  EXPECT_EQ(config.vision.hidden_size, 768);
}

TEST(clip, what_is_not_computed_is_refused) {
  const auto refused = [](const nlohmann::json& json) {
    return message_of<DataError>([&] { parse_clip_config(json, "config.json"); });
  };
  EXPECT_NE(refused({{"model_type", "siglip"}}).find("expected \"clip\""), std::string::npos);
  EXPECT_NE(refused({{"vision_config", {{"num_channels", 1}}}}).find("'num_channels'"), std::string::npos);
  EXPECT_NE(refused({{"vision_config", {{"patch_size", 300}}}}).find("at most image_size = 224"),
            std::string::npos);
  EXPECT_NE(refused({{"vision_config", {{"hidden_act", "relu"}}}}).find("\"quick_gelu\" or \"gelu\""),
            std::string::npos);
  EXPECT_NE(refused({{"text_config", {{"num_attention_heads", 7}}}}).find("config.json: text_config"),
            std::string::npos);
}

TEST(clip, a_folder_that_lacks_something_says_what) {
  const TempFolder folder;
  EXPECT_NE(message_of<EnvironmentError>([&] {
              Clip::open(folder.path(), {});
            }).find("docs/rewards.md says where from"),
            std::string::npos);
  write_micro(folder);
  EXPECT_NE(message_of<EnvironmentError>([&] { Clip::open(folder.path(), {}); }).find("model.safetensors"),
            std::string::npos);
  io::write_json(folder / "preprocessor_config.json", processor_json(24));
  EXPECT_NE(message_of<DataError>([&] { Clip::create(folder.path(), 1, {}); }).find("expected 16x16"),
            std::string::npos);
  std::filesystem::remove(folder / "preprocessor_config.json");
  EXPECT_NE(message_of<EnvironmentError>([&] {
              Clip::create(folder.path(), 1, {});
            }).find("preprocessor_config.json"),
            std::string::npos);
}

}  // namespace clip_test
}  // namespace gamut::models
