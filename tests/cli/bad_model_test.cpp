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
      "\"EulerScheduler\"; expected FlowMatchEulerDiscreteScheduler, or a class that has betas, such as "
      "DDIMScheduler");
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
  expect_refused_after(header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
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
  EXPECT_TRUE(ran.err.starts_with(
      "error: [device] no CUDA device was found by this build of LibTorch; got 'cuda'; use 'cpu', or: "))
      << ran.err;
  EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1);
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

// A component's name is a folder of the model's own: a path would read, and save, the user's other files.
TEST(bad_model, refuses_components_that_are_paths) {
  for (const std::string name : {"../../good", "..", ".", "", "unet/", "a/b", "/etc"})
    expect_refused_after(
        [&](const fs::path& m) {
          edit(m / "model_index.json", "{", "{ \"" + name + "\": [\"diffusers\", \"X\"],");
        },
        3, "[MODEL/model_index.json] a component must be one plain folder name; got '" + name + "'");
}

TEST(bad_model, leaves_other_folders_alone) {
  const Micro micro;
  const fs::path model = micro.copy_of_tiny();
  fs::create_directory(micro / "neighbor");
  write_raw(micro / "neighbor/metrics.jsonl", "precious");
  edit(model / "model_index.json", "{", "{ \"../neighbor\": [\"diffusers\", \"X\"],");
  fs::create_directory(micro / "runs");
  EXPECT_EQ(gamut(micro.train("runs/mine", {"--set", "model=" + model.string()})).code, 3);
  EXPECT_FALSE(fs::exists(micro / "runs/mine"));
  EXPECT_FALSE(fs::exists(micro / "runs/neighbor"));
  EXPECT_EQ(read_file(micro / "neighbor/metrics.jsonl"), "precious");
}

TEST(bad_model, saves_nothing_that_a_link_leads_to) {
  const Micro micro;
  const fs::path model = micro.copy_of_tiny();
  write_raw(micro / "secret", "mine");
  fs::create_symlink(micro / "secret", model / "tokenizer/notes.txt");
  const Ran ran = gamut(micro.train("run", {"--set", "model=" + model.string(), "--set", "iterations=1"}));
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.err.find("1 file of '" + model.string() + "' lead out of it by a link and were not copied"),
            std::string::npos)
      << ran.err;
  EXPECT_TRUE(fs::exists(micro / "run/model/tokenizer/vocab.json"));
  EXPECT_FALSE(fs::exists(micro / "run/model/tokenizer/notes.txt"));
}

TEST(bad_model, opens_the_hugging_face_cache_and_saves_it_whole) {
  const Micro micro;
  const fs::path repo = micro / "models--a--tiny", snapshot = repo / "snapshots/0123";
  fs::create_directories(repo / "blobs");
  int64_t number = 0;
  for (const auto& entry : fs::recursive_directory_iterator(kTiny)) {
    if (!entry.is_regular_file()) continue;
    const fs::path blob = repo / "blobs" / std::to_string(number++),
                   link = snapshot / fs::relative(entry.path(), kTiny);
    fs::copy_file(entry.path(), blob);
    fs::create_directories(link.parent_path());
    fs::create_symlink(fs::relative(blob, link.parent_path()), link);
  }
  const Ran ran = gamut(micro.train("run", {"--set", "model=" + snapshot.string(), "--set", "iterations=1"}));
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.err.find("warning"), std::string::npos) << ran.err;
  for (const char* file :
       {"model_index.json", "tokenizer/vocab.json", "unet/config.json", "scheduler/scheduler_config.json"})
    EXPECT_EQ(read_file(micro / "run/model" / file), read_file(kTiny / file)) << file;
}

TEST(bad_model, quotes_what_it_found_on_one_printable_line) {
  expect_refused_after(
      [](const fs::path& m) { edit(m / "unet/config.json", "{", "{ \"a\\n\\u001b[2Jb\": 7,"); }, 3,
      "[MODEL/unet/config.json] option 'a??[2Jb' is unknown; got 7");
  expect_refused_after(
      [](const fs::path& m) {
        edit(m / "unet/config.json", "\"in_channels\": 12",
             "\"in_channels\": \"" + std::string(10'000, 'm') + "\"");
      },
      3,
      "[MODEL/unet/config.json] option 'in_channels' has a value that is not supported; got \"" +
          std::string(79, 'm') + "…; expected an integer");
}

TEST(bad_model, refuses_weights_that_are_integers) {
  expect_refused_after(
      [](const fs::path& m) {
        std::string bytes = read_file(m / kUnet);
        bytes.replace(bytes.find("\"F32\""), 5, "\"I32\"");
        write_raw(m / kUnet, bytes);
      },
      3,
      "[unet] tensor 'conv_in.bias' must hold floating-point numbers; got Int; the file is damaged, or made "
      "for another "
      "program");
}

TEST(bad_model, refuses_schedulers_out_of_range) {
  const std::string file = "scheduler/scheduler_config.json";
  auto expect = [&](const std::string& option, const std::string& key, const std::string& got,
                    const std::string& range) {
    expect_refused_after(
        [&](const fs::path& m) {
          nlohmann::json config = io::read_json(m / file);
          config.erase(key);
          config.merge_patch(nlohmann::json::parse(option));
          io::write_json(m / file, config);
        },
        3,
        "[MODEL/" + file + "] option '" + key + "' has a value that is not supported; got " + got +
            "; expected a number from " + range);
  };
  expect("{\"shift\": 0}", "shift", "0", "1e-06 to 1000000");
  expect("{\"shift\": -1}", "shift", "-1", "1e-06 to 1000000");
  expect("{\"max_shift\": 1e308}", "max_shift", "1e+308", "-20 to 20");
  expect("{\"num_train_timesteps\": 2000000000}", "num_train_timesteps", "2000000000", "1 to 1000000");
  const std::string ddim = "{\"_class_name\": \"DDIMScheduler\", ";
  expect(ddim + "\"beta_end\": 1e308}", "beta_end", "1e+308", "0 to 0.999999");
  expect(ddim + "\"steps_offset\": -5}", "steps_offset", "-5", "0 to 1000");
  expect(ddim + "\"steps_offset\": 9223372036854775807}", "steps_offset", "9223372036854775807", "0 to 1000");
}

}  // namespace bad_model_test
}  // namespace gamut::testing
