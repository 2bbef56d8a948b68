// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/pipeline.h"

#include "gamut/core/error.h"
#include "gamut/io/files.h"
#include "gamut/text/clip_tokenizer.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include <algorithm>

namespace gamut::models {
namespace pipeline_test {

namespace fs = std::filesystem;

// A fresh model folder: the shipped base's configs and a tokenizer of a few words.
class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / ("gamut_pipeline_test_" + std::to_string(getpid()))) {
    fs::remove_all(path_);
    fs::create_directories(path_);
    fs::copy(fs::path(GAMUT_SOURCE_DIR) / "recipes/glyphs/base_config", path_ / "base",
             fs::copy_options::recursive);
    fs::create_directories(path_ / "base/tokenizer");
    text::write_word_tokenizer(path_ / "base/tokenizer", {"the", "digit", "letter", "7", "k"}, 16);
  }
  ~Folder() { fs::remove_all(path_); }
  fs::path operator/(const std::string& name) const { return path_ / name; }

 private:
  fs::path path_;
};

Pipeline make(const Folder& folder, uint64_t seed = 5) { return Pipeline::create(folder / "base", seed, {}); }

Tensor predict(const Pipeline& pipe, const Tensor& x) {
  return pipe.predict(x, 500.0, pipe.encode({"the digit 7", "the letter k"}));
}

Tensor some_latents(const Pipeline& pipe) {
  const std::vector<int64_t> shape = pipe.latent_shape();
  return at::linspace(-2, 2, 2 * shape[0] * shape[1] * shape[2], at::kFloat)
      .view({2, shape[0], shape[1], shape[2]});
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

// An adapter of rank 2 on one layer of the denoiser.
nn::LoraFile some_adapter(const Pipeline& pipe) {
  const std::string layer = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q";
  const auto& params = pipe.denoiser_params().params();
  const auto weight = std::ranges::find(params, layer + ".weight", &nn::NamedTensor::name);
  const int64_t width = weight->tensor.size(1);
  return {.origin = "test",
          .modules = {{.component = pipe.denoiser_name(),
                       .path = layer,
                       .down = at::linspace(-1, 1, 2 * width).view({2, width}),
                       .up = at::linspace(1, 2, 2 * width).view({width, 2}),
                       .alpha = 2}}};
}

void edit_json(const fs::path& path, const std::function<void(nlohmann::json&)>& edit) {
  nlohmann::json json = io::read_json(path);
  edit(json);
  io::write_json(path, json);
}

TEST(pipeline, a_saved_model_opens_again_with_equal_predictions) {
  const Folder folder;
  const Pipeline made = make(folder);
  made.save(folder / "saved");
  const Pipeline opened = Pipeline::open(folder / "saved", {});
  const Tensor x = some_latents(made);
  EXPECT_TRUE(at::equal(predict(opened, x), predict(made, x)));
  EXPECT_EQ(io::read_text(folder / "saved/unet/config.json"),
            io::read_text(folder / "base/unet/config.json"));
  EXPECT_EQ(io::read_text(folder / "saved/tokenizer/vocab.json"),
            io::read_text(folder / "base/tokenizer/vocab.json"));
  EXPECT_EQ(opened.scheduler().class_name, "FlowMatchEulerDiscreteScheduler");
}

TEST(pipeline, weights_follow_the_seed) {
  const Folder folder;
  const Pipeline one = make(folder, 1), again = make(folder, 1), other = make(folder, 2);
  const Tensor x = some_latents(one);
  EXPECT_TRUE(at::equal(predict(one, x), predict(again, x)));
  EXPECT_FALSE(at::allclose(predict(one, x), predict(other, x)));
}

TEST(pipeline, a_new_model_adopts_the_vocabulary_of_its_tokenizer) {
  const Folder folder;
  Pipeline pipe = make(folder);
  pipe.save(folder / "saved");
  const nlohmann::json config = io::read_json(folder / "saved/text_encoder/config.json");
  const auto tokenizer = text::ClipTokenizer::load(folder / "base/tokenizer");
  EXPECT_EQ(config["vocab_size"], tokenizer.vocabulary_size());
  EXPECT_EQ(config["eos_token_id"], tokenizer.end_id());
  EXPECT_EQ(pipe.text_encoders().at(0).store->params()[0].tensor.size(0), tokenizer.vocabulary_size());
}

TEST(pipeline, encoding_is_differentiable_once_the_text_encoder_trains) {
  const Folder folder;
  Pipeline pipe = make(folder);
  pipe.text_encoders().at(0).store->require_grad(true);
  EXPECT_TRUE(pipe.encode_tokens(pipe.tokenize({"the digit 7"})).hidden().requires_grad());
  EXPECT_FALSE(pipe.encode({"the digit 7"}).hidden().requires_grad());
}

TEST(pipeline, without_its_text_encoders_it_still_predicts_and_is_saved_with_those_of_its_folder) {
  const Folder folder;
  make(folder).save(folder / "first");
  Pipeline pipe = Pipeline::open(folder / "first", {});
  const Tensor x = some_latents(pipe), before = predict(pipe, x);
  const Conditioning cond = pipe.encode({"the digit 7", "the letter k"});
  pipe.drop_text_encoders();
  EXPECT_TRUE(at::equal(pipe.predict(x, 500.0, cond), before));
  EXPECT_THROW(pipe.encode({"the digit 7"}), InternalError);
  pipe.save(folder / "saved");
  const std::string text = "text_encoder/model.safetensors";
  EXPECT_EQ(io::read_text(folder / "saved" / text), io::read_text(folder / "first" / text));
  EXPECT_TRUE(at::equal(predict(Pipeline::open(folder / "saved", {}), x), before));
}

TEST(pipeline, text_encoders_that_no_file_holds_are_not_saved_once_dropped) {
  const Folder folder;
  Pipeline pipe = make(folder);
  pipe.drop_text_encoders();
  EXPECT_THROW(pipe.save(folder / "saved"), InternalError);
}

TEST(pipeline, opened_without_text_it_needs_none_of_its_files_and_predicts_the_same) {
  const Folder folder;
  make(folder).save(folder / "saved");
  const Pipeline whole = Pipeline::open(folder / "saved", {});
  const Tensor x = some_latents(whole);
  const Conditioning cond = whole.encode({"the digit 7", "the letter k"});
  fs::remove(folder / "saved/text_encoder/model.safetensors");
  EXPECT_THROW(Pipeline::open(folder / "saved", {}), EnvironmentError);
  const Pipeline denoiser = Pipeline::open_without_text(folder / "saved", {});
  EXPECT_TRUE(at::equal(denoiser.predict(x, 500.0, cond), predict(whole, x)));
  EXPECT_THROW(denoiser.encode({"the digit 7"}), InternalError);
}

TEST(pipeline, with_text_first_the_denoiser_comes_when_it_is_needed) {
  const Folder folder;
  make(folder).save(folder / "saved");
  Pipeline now = Pipeline::open(folder / "saved", {});
  Pipeline later = Pipeline::open_text_first(folder / "saved", {});
  const nn::LoraFile adapter = some_adapter(now);
  for (Pipeline* pipe : {&now, &later}) pipe->add_lora(adapter, 0.5);
  const Conditioning cond = later.encode({"the digit 7", "the letter k"});
  later.drop_text_encoders();
  const Tensor x = some_latents(later);
  const Tensor plain = predict(Pipeline::open(folder / "saved", {}), x), adapted = predict(now, x);
  EXPECT_FALSE(at::equal(plain, adapted));
  EXPECT_TRUE(at::equal(later.predict(x, 500.0, cond), adapted));
}

TEST(pipeline, with_text_first_weights_are_read_late_and_once) {
  const Folder folder;
  make(folder).save(folder / "saved");
  const Pipeline pipe = Pipeline::open_text_first(folder / "saved", {});
  const Tensor x = some_latents(pipe);
  const fs::path weights = folder / "saved/unet/diffusion_pytorch_model.safetensors";
  fs::rename(weights, folder / "elsewhere");
  EXPECT_THROW(predict(pipe, x), EnvironmentError);
  fs::rename(folder / "elsewhere", weights);
  const Tensor first = predict(pipe, x);
  fs::remove(weights);
  EXPECT_TRUE(at::equal(predict(pipe, x), first));
}

TEST(pipeline, with_text_first_a_fault_of_the_denoiser_is_told_at_once) {
  const Folder folder;
  make(folder).save(folder / "saved");
  nn::LoraFile adapter = some_adapter(make(folder));
  Pipeline pipe = Pipeline::open_text_first(folder / "saved", {});
  adapter.modules[0].path = "mid_block.nowhere";
  EXPECT_THROW(pipe.add_lora(adapter, 1), DataError);
  const fs::path weights = folder / "saved/unet/diffusion_pytorch_model.safetensors";
  fs::resize_file(weights, fs::file_size(weights) / 2);
  EXPECT_THROW(Pipeline::open_text_first(folder / "saved", {}), DataError);
}

TEST(pipeline, only_t5_has_a_length_to_choose) {
  const Folder folder;
  Pipeline pipe = make(folder);
  EXPECT_EQ(message_of([&] { pipe.set_max_tokens(128, "rollout.max_tokens"); }),
            "[model] rollout.max_tokens sets how many tokens the T5 encoder reads, and this model has none; "
            "got a model with "
            "CLIP alone, which always reads its own context; leave it out");
}

TEST(pipeline, pictures_survive_encoding_and_decoding) {
  const Folder folder;
  const Pipeline pipe = make(folder);
  const Tensor pictures = at::linspace(0, 1, 2 * 3 * 32 * 32).view({2, 3, 32, 32});
  const Tensor latents = pipe.encode_pictures(pictures);
  EXPECT_EQ(latents.sizes(), at::IntArrayRef({2, 12, 16, 16}));
  EXPECT_TRUE(at::allclose(pipe.decode(latents), pictures, 0, 1e-6));
}

TEST(pipeline, a_long_prompt_is_cut_to_the_context) {
  const Folder folder;
  const Pipeline pipe = make(folder);
  std::string prompt = "the digit 7";
  for (int i = 0; i < 30; ++i) {
    prompt += " the letter k";
  }
  EXPECT_EQ(pipe.encode({prompt}).hidden().sizes(), at::IntArrayRef({1, 16, 64}));
}

TEST(pipeline, a_missing_folder_is_named_with_its_nearest_neighbour) {
  const Folder folder;
  const std::string path = (folder / "bsae").string();
  EXPECT_EQ(
      message_of([&] { Pipeline::open(path, {}); }),
      "[model] folder '" + path + "' does not exist; did you mean '" + (folder / "base").string() + "'?");
  EXPECT_EQ(message_of([] { Pipeline::open("/nowhere/at/all", {}); }),
            "[model] folder '/nowhere/at/all' does not exist; is the path right?");
}

TEST(pipeline, a_folder_that_is_no_model_says_so) {
  const Folder folder;
  const std::string unet = (folder / "base/unet").string();
  EXPECT_EQ(message_of([&] { Pipeline::open(unet, {}); }),
            "[model] folder '" + unet +
                "' holds no model_index.json; expected a model in diffusers' layout; did you "
                "mean its parent '" +
                (folder / "base").string() + "'?");
}

TEST(pipeline, missing_weights_and_pickles_are_told_apart) {
  const Folder folder;
  const std::string base = (folder / "base").string();
  EXPECT_EQ(message_of([&] { Pipeline::open(base, {}); }),
            "[model] file '" + base +
                "/text_encoder/model.safetensors' does not exist; is the model folder complete?");
  io::write_atomically(folder / "base/text_encoder/pytorch_model.bin", "pickle");
  EXPECT_EQ(message_of([&] { Pipeline::open(base, {}); }),
            "[model] file '" + base +
                "/text_encoder/model.safetensors' does not exist; pickled weights (.bin) are "
                "never read: convert them with diffusers, "
                "DiffusionPipeline.from_pretrained(OLD).save_pretrained(NEW)");
}

TEST(pipeline, weights_of_another_width_name_tensor_and_shapes) {
  const Folder folder;
  make(folder).save(folder / "saved");
  edit_json(folder / "saved/unet/config.json", [](nlohmann::json& json) { json["in_channels"] = 4; });
  EXPECT_EQ(
      message_of([&] { Pipeline::open(folder / "saved", {}); }),
      "[unet] tensor 'conv_in.weight' has the wrong shape; got [32, 12, 3, 3]; expected [32, 4, 3, 3]; are "
      "config.json and the weights from the same model?");
}

TEST(pipeline, truncated_weights_are_refused) {
  const Folder folder;
  make(folder).save(folder / "saved");
  const fs::path weights = folder / "saved/unet/diffusion_pytorch_model.safetensors";
  fs::resize_file(weights, fs::file_size(weights) / 2);
  EXPECT_THROW(Pipeline::open(folder / "saved", {}), DataError);
}

TEST(pipeline, other_models_are_refused_by_class) {
  const Folder folder;
  edit_json(folder / "base/model_index.json", [](nlohmann::json& json) { json["unet"][1] = "UNet2DModel"; });
  EXPECT_EQ(message_of([&] { make(folder); }), "[" + (folder / "base/model_index.json").string() +
                                                   "] component 'unet' must be a UNet2DConditionModel; got "
                                                   "'UNet2DModel'; this kind of model is not supported");
}

TEST(pipeline, without_a_known_vae_latents_still_work) {
  const Folder folder;
  edit_json(folder / "base/model_index.json", [](nlohmann::json& json) {
    json["vae"] = {"diffusers", "AutoencoderTiny"};
  });
  const Pipeline pipe = make(folder);
  const Tensor x = some_latents(pipe);
  EXPECT_EQ(predict(pipe, x).sizes(), x.sizes());
  EXPECT_EQ(message_of([&] { pipe.decode(x); }),
            "[model] pictures need a vae of class AutoencoderKL or SpaceToDepth; got 'AutoencoderTiny'; "
            "latents can "
            "still be sampled and saved");
}

// Made by tests/generators/tiny_sd.py: an AutoencoderKL of factor 2, latents [4, 8, 8].
const fs::path kTinySd = fs::path(GAMUT_SOURCE_DIR) / "tests/cli/fixtures/tiny_sd";

TEST(pipeline, stable_diffusion_is_saved_with_its_vae) {
  const Folder folder;
  Pipeline pipe = Pipeline::open(kTinySd, {});
  EXPECT_EQ(pipe.latent_shape(), (std::vector<int64_t>{4, 8, 8}));
  EXPECT_EQ(pipe.picture_factor(), 2);
  const Tensor x = some_latents(pipe), pictures = pipe.decode(x);
  EXPECT_EQ(pictures.sizes(), at::IntArrayRef({2, 3, 16, 16}));
  EXPECT_GE(pictures.min().item<double>(), 0.0);
  EXPECT_LE(pictures.max().item<double>(), 1.0);
  pipe.save(folder / "saved");
  const Pipeline again = Pipeline::open(folder / "saved", {});
  EXPECT_TRUE(at::equal(again.decode(x), pictures));
  EXPECT_TRUE(at::equal(predict(again, x), predict(pipe, x)));
  EXPECT_TRUE(at::equal(again.encode_pictures(pictures), pipe.encode_pictures(pictures)));
}

TEST(pipeline, pictures_may_have_another_size) {
  Pipeline pipe = Pipeline::open(kTinySd, {});
  pipe.set_picture_size(32, 0);
  EXPECT_EQ(pipe.latent_shape(), (std::vector<int64_t>{4, 16, 8}));
  EXPECT_EQ(pipe.decode(at::zeros({1, 4, 16, 8})).sizes(), at::IntArrayRef({1, 3, 32, 16}));
  pipe.set_picture_size(0, 0);
  EXPECT_EQ(pipe.latent_shape(), (std::vector<int64_t>{4, 8, 8}));
  EXPECT_EQ(
      message_of([&] { pipe.set_picture_size(16, 33); }),
      "[model] a picture's width must be a multiple of 2, the model's pixels per latent pixel; got 33; the "
      "nearest is 34");
}

TEST(pipeline, bf16_computes_in_bf16_and_answers_in_fp32) {
  const Pipeline exact = Pipeline::open(kTinySd, {});
  Pipeline shorter = Pipeline::open(kTinySd, {at::kCPU, at::kBFloat16});
  for (const nn::NamedTensor& param : shorter.denoiser_params().params())
    EXPECT_EQ(param.tensor.scalar_type(), at::kBFloat16) << param.name;
  const Tensor x = some_latents(exact), got = predict(shorter, x), expected = predict(exact, x);
  EXPECT_EQ(got.scalar_type(), at::kFloat);
  EXPECT_FALSE(at::equal(got, expected));
  EXPECT_LE((got - expected).abs().max().item<double>(), 0.05 * expected.abs().max().item<double>());
  EXPECT_EQ(shorter.decode(x).scalar_type(), at::kFloat);
  EXPECT_LE((shorter.decode(x) - exact.decode(x)).abs().max().item<double>(), 0.05);
}

TEST(pipeline, latents_and_channels_must_agree) {
  const Folder folder;
  fs::copy(kTinySd, folder / "sd", fs::copy_options::recursive);
  edit_json(folder / "sd/vae/config.json", [](nlohmann::json& json) {
    json = {{"_class_name", "SpaceToDepth"}, {"block_size", 2}};
  });
  edit_json(folder / "sd/model_index.json", [](nlohmann::json& json) {
    json["vae"] = {"gamut", "SpaceToDepth"};
  });
  EXPECT_EQ(
      message_of([&] { Pipeline::open(folder / "sd", {}); }),
      "[" + (folder / "sd/unet/config.json").string() +
          "] in_channels and out_channels must be the vae's latent channels; got 4; expected 12; inpainting "
          "models and the like are not supported");
}

}  // namespace pipeline_test
}  // namespace gamut::models
