// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/other_layouts.h"

#include "gamut/core/error.h"
#include "gamut/io/files.h"
#include "gamut/models/model_folder.h"
#include "gamut/nn/params.h"
#include "support/message_of.h"
#include "support/temp_folder.h"
#include "support/write_raw.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace gamut::models {
namespace other_layouts_test {

namespace fs = std::filesystem;
using testing::TempFolder;
using testing::write_raw;

// What opening says after the path.
template <class Expected>
std::string refusal(const fs::path& path) {
  const std::string message = testing::message_of<Expected>([&] { ModelFolder folder(path); });
  const size_t at = message.rfind("; ");
  return at == std::string::npos ? message : message.substr(at + 2);
}

const std::string kConversion = "convert it once, in Python: StableDiffusionPipeline.from_single_file(";

TEST(other_layouts, files_are_named_as_what_they_are) {
  const TempFolder folder;
  const auto described = [&](const std::string& name, const std::vector<std::string>& tensors) {
    std::vector<nn::NamedTensor> all;
    for (const std::string& tensor : tensors) all.push_back({tensor, at::ones({1})});
    nn::save_safetensors(folder / name, all);
    return describe_model_file(folder / name);
  };
  EXPECT_EQ(
      described("v1.safetensors", {"model.diffusion_model.input_blocks.0.0.weight", "cond_stage_model.x"}),
      "a single-file checkpoint, not a model folder; gamut reads folders in diffusers' layout; " +
          kConversion + "\"v1.safetensors\").save_pretrained(\"FOLDER\")");
  EXPECT_EQ(
      described("sd3.5_medium.safetensors", {"model.diffusion_model.joint_blocks.0.x_block.attn.qkv.weight"}),
      "a single-file checkpoint, not a model folder; gamut reads folders in diffusers' layout; this is "
      "Stable Diffusion 3 "
      "or 3.5: use the folder that it is published as, such as: hf download "
      "stabilityai/stable-diffusion-3.5-medium");
  EXPECT_EQ(described("flux1-dev.safetensors", {"double_blocks.0.img_attn.qkv.weight", "img_in.weight"}),
            "a single-file checkpoint, not a model folder; gamut reads folders in diffusers' layout; this is "
            "FLUX.1: use the "
            "folder that it is published as, such as: hf download black-forest-labs/FLUX.1-dev");
  EXPECT_EQ(described("lora.safetensors", {"lora_unet_x.lora_down.weight", "lora_unet_x.lora_up.weight"}),
            "an adapter, not a model; give it with --lora, and its base with --model");
  EXPECT_TRUE(described("unet.safetensors", {"conv_in.weight"}).starts_with("weights of one network"));
  write_raw(folder / "v1.ckpt", "PK\x03\x04 and more");
  EXPECT_NE(describe_model_file(folder / "v1.ckpt").find("a single-file checkpoint, not a model folder"),
            std::string::npos);
  write_raw(folder / "ptr.safetensors", "version https://git-lfs.github.com/spec/v1\n");
  EXPECT_TRUE(
      describe_model_file(folder / "ptr.safetensors").starts_with("a Git LFS pointer: run `git lfs pull`"));
  write_raw(folder / "ptr.ckpt", "version https://git-lfs.github.com/spec/v1\n");
  EXPECT_TRUE(describe_model_file(folder / "ptr.ckpt").starts_with("a Git LFS pointer: run `git lfs pull`"));
  write_raw(folder / "page.html", "<html>");
  EXPECT_TRUE(describe_model_file(folder / "page.html").starts_with("a web page: "));
  EXPECT_NE(testing::message_of<DataError>([&] {
              ModelFolder model(folder / "v1.safetensors");
            }).find("v1.safetensors' must be a model folder; got a single-file checkpoint"),
            std::string::npos);
}

TEST(other_layouts, folders_of_the_hubs_cache_lead_to_their_snapshot) {
  const TempFolder folder;
  const fs::path cached = folder / "hub/models--org--name", snapshot = cached / "snapshots/abc";
  fs::create_directories(cached / "blobs");
  fs::create_directories(cached / "refs");
  EXPECT_EQ(refusal<EnvironmentError>(cached),
            "this is a folder of the Hub's cache without a snapshot: the download has not finished");
  fs::create_directories(snapshot);
  fs::create_directories(cached / "snapshots/aaa");
  write_raw(cached / "refs/main", "abc");
  write_raw(snapshot / "model_index.json", "{}");
  const std::string hint = cat("the model is in '", snapshot.string(), "'");
  for (const char* below : {"", "snapshots", "blobs", "refs"})
    EXPECT_EQ(refusal<EnvironmentError>(below[0] == 0 ? cached : cached / below), hint) << below;
  EXPECT_EQ(refusal<EnvironmentError>(folder / "hub"),
            cat("the model is in a folder below it, for example '", snapshot.string(), "'"));
}

TEST(other_layouts, folders_of_another_kind_are_named) {
  const TempFolder folder;
  nn::save_safetensors(folder / "v1-5.safetensors", {{"model.diffusion_model.x", at::ones({1})}});
  EXPECT_NE(layout_hint(folder.path())
                .find("it holds 'v1-5.safetensors', a single-file checkpoint, not a model folder"),
            std::string::npos);
  const TempFolder clip;
  write_raw(clip / "config.json", R"({"architectures": ["CLIPModel"]})");
  EXPECT_EQ(layout_hint(clip.path()), "this is a single network (CLIPModel), not a whole model");
  const TempFolder empty;
  EXPECT_EQ(layout_hint(empty.path()), "is the path right?");
}

}  // namespace other_layouts_test
}  // namespace gamut::models
