// SPDX-License-Identifier: Apache-2.0
// Model folders that are missing, incomplete, spoilt or hostile: one line, the documented exit code, nothing
// written.
#include "cli/micro.h"
#include "cli/run_program.h"

#include <gtest/gtest.h>

namespace gamut::testing {
namespace bad_model_test {

const std::string kUnet = "unet/diffusion_pytorch_model.safetensors";

// `message` may use MODEL for the folder's path.
void expect_refused(const fs::path& model, int code, std::string message) {
  const TempFolder folder;
  const fs::path out = folder / "latents.safetensors";
  const Ran ran = gamut({"sample", "--model", model.string(), "--prompt", "the digit 7", "-n", "1", "--steps",
                         "1", "--save-latents", out.string()});
  for (size_t at = message.find("MODEL"); at != std::string::npos; at = message.find("MODEL"))
    message.replace(at, 5, model.string());
  EXPECT_EQ(ran.code, code) << message;
  EXPECT_EQ(ran.err, "error: " + message + "\n");
  EXPECT_FALSE(fs::exists(out));
}

// Spoils a copy of the tiny model and expects it to be refused.
void expect_refused_after(const std::function<void(const fs::path&)>& spoil, int code,
                          const std::string& message) {
  const Micro micro;
  const fs::path model = micro.copy_of_tiny();
  spoil(model);
  expect_refused(model, code, message);
}

TEST(bad_model, names_a_missing_folder_and_its_neighbor) {
  const Micro micro;
  expect_refused(micro / "nope", 4, "[model] folder 'MODEL' does not exist; is the path right?");
  micro.copy_of_tiny("tiny");
  expect_refused(micro / "tny", 4,
                 "[model] folder 'MODEL' does not exist; did you mean '" + (micro / "tiny").string() + "'?");
  expect_refused(
      micro / "tiny/unet", 4,
      "[model] folder 'MODEL' holds no model_index.json; expected a model in diffusers' layout; did you mean "
      "its parent '" +
          (micro / "tiny").string() + "'?");
}

TEST(bad_model, names_missing_parts) {
  expect_refused_after([](const fs::path& m) { fs::remove(m / kUnet); }, 4,
                       "[model] file 'MODEL/" + kUnet + "' does not exist; is the model folder complete?");
  expect_refused_after([](const fs::path& m) { fs::remove(m / "unet/config.json"); }, 4,
                       "[model] file 'MODEL/unet/config.json' does not exist; is the model folder complete?");
  expect_refused_after([](const fs::path& m) { fs::remove_all(m / "tokenizer"); }, 4,
                       "[model] folder 'MODEL/tokenizer' does not exist; is the model folder complete?");
}

TEST(bad_model, names_the_tensor_that_does_not_fit_its_config) {
  expect_refused_after(
      [](const fs::path& m) { edit(m / "unet/config.json", "\"in_channels\": 12", "\"in_channels\": 4"); }, 3,
      "[unet] tensor 'conv_in.weight' has the wrong shape; got [8, 12, 3, 3]; expected [8, 4, 3, 3]; are "
      "config.json and the weights from the same model?");
  expect_refused_after(
      [](const fs::path& m) {
        edit(m / "text_encoder/config.json", "\"num_hidden_layers\": 1", "\"num_hidden_layers\": 2");
      },
      3,
      "[text_encoder] tensor 'encoder.layers.1.layer_norm1.weight' is missing; expected shape [16]; are "
      "config.json and "
      "the weights from the same model?");
  expect_refused_after(
      [](const fs::path& m) {
        fs::copy_file(m / "text_encoder/model.safetensors", m / kUnet, fs::copy_options::overwrite_existing);
      },
      3,
      "[unet] tensor 'conv_in.weight' is missing; expected shape [8, 12, 3, 3]; are config.json and the "
      "weights from the same model?");
}

TEST(bad_model, refuses_what_it_does_not_support) {
  expect_refused_after(
      [](const fs::path& m) {
        edit(m / "model_index.json", "UNet2DConditionModel", "FluxTransformer2DModel");
      },
      3,
      "[MODEL/model_index.json] component 'unet' must be a UNet2DConditionModel; got "
      "'FluxTransformer2DModel'; this kind of model is not supported");
  expect_refused_after(
      [](const fs::path& m) { edit(m / "unet/config.json", "\"in_channels\"", "\"in_chanels\""); }, 3,
      "[MODEL/unet/config.json] option 'in_chanels' is unknown; got 12; did you mean 'in_channels'?");
  expect_refused_after(
      [](const fs::path& m) {
        edit(m / "scheduler/scheduler_config.json", "FlowMatchEulerDiscreteScheduler", "EulerScheduler");
      },
      3,
      "[MODEL/scheduler/scheduler_config.json] option '_class_name' has a value that is not supported; got "
      "\"EulerScheduler\"; expected FlowMatchEulerDiscreteScheduler, or a class that has betas, such as DDIMScheduler");
}

TEST(bad_model, names_the_place_of_malformed_json) {
  for (const std::string file :
       {"model_index.json", "unet/config.json", "text_encoder/config.json", "scheduler/scheduler_config.json",
        "tokenizer/vocab.json", "vae/config.json"}) {
    const Micro micro;
    const fs::path model = micro.copy_of_tiny();
    write_raw(model / file, "{\n  \"a\": 1,\n  \"b\": tru\n}\n");
    expect_refused(model, 3,
                   "[json] MODEL/" + file +
                       ":3:11 is not valid JSON; got syntax error while parsing value - invalid "
                       "literal; last read: '\"b\": tru<U+000A>'");
  }
  expect_refused_after(
      [](const fs::path& m) { write_raw(m / "tokenizer/merges.txt", "#version: 0.2\nt h\nbroken\n"); }, 3,
      "[tokenizer] a merge must be two parts and one blank; got 'broken' in 'MODEL/tokenizer/merges.txt', "
      "entry 3");
  expect_refused_after([](const fs::path& m) { write_raw(m / "unet/config.json", "[]"); }, 3,
                       "[MODEL/unet/config.json] a config is a JSON object; got array");
  expect_refused_after([](const fs::path& m) { write_raw(m / "unet/config.json", std::string(100000, '[')); },
                       3, "[json] MODEL/unet/config.json is nested too deeply; expected at most 200 levels");
}

// A safetensors file of a header and zeros.
std::string with_header(const std::string& header, size_t data_bytes) {
  std::string text;
  for (size_t i = 0; i < 8; ++i) text.push_back(char(uint64_t{header.size()} >> (8 * i)));
  return text + header + std::string(data_bytes, '\0');
}

TEST(bad_model, refuses_truncated_weights) {
  const std::string whole = io::read_text(kTiny / kUnet);
  auto cut = [&](size_t bytes) {
    return [&whole, bytes](const fs::path& m) { write_raw(m / kUnet, whole.substr(0, bytes)); };
  };
  const std::string file = "[safetensors] 'MODEL/" + kUnet + "': ";
  expect_refused_after(cut(0), 3,
                       file + "file ends within the header length; got 0 bytes; expected at least 8");
  expect_refused_after(cut(7), 3,
                       file + "file ends within the header length; got 7 bytes; expected at least 8");
  uint64_t header = 0;
  std::memcpy(&header, whole.data(), 8);
  expect_refused_after(cut(100), 3,
                       file + "header is longer than the file; got " + std::to_string(header) +
                           " bytes; expected at most 92; the file may be truncated");
  for (const size_t missing : {size_t{1}, whole.size() / 2}) {
    const Micro micro;
    const fs::path model = micro.copy_of_tiny();
    write_raw(model / kUnet, whole.substr(0, whole.size() - missing));
    const Ran ran = gamut(
        {"sample", "--model", model.string(), "--prompt", "x", "--save-latents", (micro / "a").string()});
    EXPECT_EQ(ran.code, 3);
    EXPECT_NE(ran.err.find("lies beyond the file; got data_offsets "), std::string::npos) << ran.err;
    EXPECT_NE(ran.err.find("; the file may be truncated\n"), std::string::npos) << ran.err;
  }
}

TEST(bad_model, refuses_hostile_weights) {
  auto header = [](const std::string& text, size_t bytes) {
    return [=](const fs::path& m) { write_raw(m / kUnet, with_header(text, bytes)); };
  };
  const std::string file = "[safetensors] 'MODEL/" + kUnet + "': ";
  expect_refused_after(
      header(R"({"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}})", 0), 3,
      file + "tensor 'a' has an impossible shape; got [4611686018427387904,4]; its size overflows 63 bits");
  expect_refused_after(
      header(
          R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
          R"("b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})",
          8),
      3, file + "tensor 'b' overlaps the one before it; got begin 2; expected 4");
  expect_refused_after(header(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4), 3,
                       file + "tensor 'a' must have non-negative integers as shape; got [-1]");
  expect_refused_after(
      header(R"({"a":{"dtype":"Q8","shape":[1],"data_offsets":[0,4]}})", 4), 3,
      file +
          "tensor 'a' has an unsupported dtype; got 'Q8'; expected one of BOOL, U8, I8, I16, I32, I64, "
          "F16, BF16, F32, F64 and the format's rarer ones");
  expect_refused_after(
      [](const fs::path& m) { write_raw(m / kUnet, std::string(16, '\xFF')); }, 3,
      file + "header is too long; got 18446744073709551615 bytes; expected at most 100000000");
}

TEST(bad_model, never_reads_pickled_weights) {
  expect_refused_after(
      [](const fs::path& m) {
        fs::remove(m / kUnet);
        write_raw(m / "unet/diffusion_pytorch_model.bin", "cos\nsystem\n(S'touch /tmp/pwned'\ntR.");
      },
      4,
      "[model] file 'MODEL/" + kUnet +
          "' does not exist; pickled weights (.bin) are never read: convert them with diffusers, "
          "DiffusionPipeline.from_pretrained(OLD).save_pretrained(NEW)");
}

TEST(bad_model, names_a_missing_device) {
  if (gamut({"doctor"}).out.find("CUDA: not available") == std::string::npos)
    GTEST_SKIP() << "this machine has CUDA";
  const Ran ran = gamut({"sample", "--model", kTiny.string(), "--prompt", "x", "--device", "cuda",
                         "--save-latents", "/dev/null"});
  EXPECT_EQ(ran.code, 4);
  EXPECT_EQ(ran.err,
            "error: [device] no CUDA device was found by this build of LibTorch; got 'cuda'; use 'cpu'\n");
}

// Long prompts are cut off with a warning, and still drawn.
TEST(bad_model, a_prompt_beyond_the_context_is_a_warning) {
  const TempFolder folder;
  const fs::path out = folder / "latents.safetensors";
  const std::string prompt = "a b c d e f g h i j k l m n o p q r s t";
  const Ran ran = gamut({"sample", "--model", kTiny.string(), "--prompt", prompt, "-n", "2", "--steps", "2",
                         "--save-latents", out.string()});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.err, "warning: the prompt '" + prompt +
                         "' is longer than the context of 16 tokens; its end is cut off\n");
  EXPECT_TRUE(fs::exists(out));
}

}  // namespace bad_model_test
}  // namespace gamut::testing
