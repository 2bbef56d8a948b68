// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/lora_fused.h"

#include "gamut/core/error.h"
#include "support/message_of.h"
#include "support/temp_folder.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

namespace gamut::nn {
namespace lora_fused_test {

using testing::message_of;
using testing::TempFolder;

constexpr int64_t kWidth = 8;

LoraModule module(const std::string& path, int64_t rows = 1, double alpha = 4) {
  return {"transformer", path, at::randn({2, kWidth}), at::randn({rows * kWidth, 2}), alpha};
}

// What the field's recipes adapt: flow_grpo's targets touch parts of a single block's matrix only.
LoraFile some_file() {
  at::manual_seed(1);
  return {.origin = "some",
          .modules = {module("single_transformer_blocks.3.attn.to_k"),
                      module("single_transformer_blocks.3.attn.to_q"),
                      module("transformer_blocks.0.attn.add_v_proj"),
                      module("transformer_blocks.0.attn.to_out.0"), module("transformer_blocks.0.attn2.to_q"),
                      module("transformer_blocks.1.ff.net.2")}};
}

// stable-diffusion.cpp's rules for a file: scale 1 without .alpha and .scale; slices of a matrix are walked
// from the first, and end at the first that is missing; what a matrix then lacks costs it the whole adapter.
class OtherReader {
 public:
  explicit OtherReader(const std::filesystem::path& file) : tensors_(load_safetensors(file)) {}
  bool scales() const {
    return std::ranges::any_of(tensors_, [](const auto& entry) {
      return entry.first.ends_with(".alpha") || entry.first.ends_with(".scale");
    });
  }
  // The change of a matrix of these layers, or nothing.
  Tensor change(const std::string& block, const std::vector<std::string>& layers) const {
    std::vector<Tensor> rows;
    for (const std::string& layer : layers) {
      const std::string name = "transformer." + block + layer;
      if (!tensors_.contains(name + ".lora_A.weight")) break;
      rows.push_back(tensors_.at(name + ".lora_B.weight").mm(tensors_.at(name + ".lora_A.weight")));
    }
    return rows.size() == layers.size() ? at::cat(rows, 0) : Tensor();
  }

 private:
  TensorMap tensors_;
};

Tensor change_of(const LoraModule& module) {
  return module.up.mm(module.down) * (module.alpha / double(module.rank()));
}

TEST(lora_fused, stable_diffusion_cpp_finds_whole_matrices) {
  const LoraFile file = some_file();
  const TempFolder folder;
  save_lora(folder / "out.safetensors", file, LoraFormat::kDiffusers);
  const OtherReader reader(folder / "out.safetensors");
  EXPECT_FALSE(reader.scales());
  const Tensor single =
      reader.change("single_transformer_blocks.3.", {"attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp"});
  ASSERT_TRUE(single.defined());
  EXPECT_EQ(single.sizes(), (std::vector<int64_t>{7 * kWidth, kWidth}));
  EXPECT_TRUE(at::allclose(single.narrow(0, 0, kWidth), change_of(file.modules[1]), 1e-5, 1e-6));
  EXPECT_TRUE(at::allclose(single.narrow(0, kWidth, kWidth), change_of(file.modules[0]), 1e-5, 1e-6));
  EXPECT_FALSE(single.narrow(0, 2 * kWidth, 5 * kWidth).any().item<bool>());
  const Tensor context =
      reader.change("transformer_blocks.0.", {"attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"});
  ASSERT_TRUE(context.defined());
  EXPECT_TRUE(at::allclose(context.narrow(0, 2 * kWidth, kWidth), change_of(file.modules[2]), 1e-5, 1e-6));
  EXPECT_TRUE(reader.change("transformer_blocks.0.", {"attn2.to_q", "attn2.to_k", "attn2.to_v"}).defined());
  // Nothing of a matrix that is not touched, nor beside layers on their own.
  EXPECT_FALSE(reader.change("transformer_blocks.0.", {"attn.to_q"}).defined());
  EXPECT_TRUE(reader.change("transformer_blocks.1.", {"ff.net.2"}).defined());
}

TEST(lora_fused, what_completes_a_matrix_is_not_read_back) {
  const LoraFile file = some_file();
  const TempFolder folder;
  save_lora(folder / "out.safetensors", file, LoraFormat::kDiffusers);
  const LoraFile back = load_lora(folder / "out.safetensors");
  ASSERT_EQ(back.modules.size(), file.modules.size());
  for (size_t i = 0; i < file.modules.size(); ++i) {
    EXPECT_EQ(back.modules[i].path, file.modules[i].path);
    EXPECT_EQ(back.modules[i].component, "transformer");
    EXPECT_TRUE(at::allclose(change_of(back.modules[i]), change_of(file.modules[i]), 1e-5, 1e-6));
  }
}

// A new adapter has B = 0 too, but a rank and an A.
TEST(lora_fused, a_new_adapter_is_kept) {
  LoraModule fresh = module("transformer_blocks.0.attn.to_q");
  fresh.up.zero_();
  EXPECT_FALSE(fills_a_matrix(fresh));
  EXPECT_EQ(with_whole_matrices({fresh}).size(), 3u);
  LoraModule unet = fresh;
  unet.component = "unet";
  EXPECT_EQ(with_whole_matrices({unet}).size(), 1u);
}

struct Original {
  const char* name;
  std::vector<std::pair<const char*, int64_t>> layers;  // diffusers' and their rows, in widths
};

const std::vector<Original>& originals() {
  static const std::vector<Original> kAll{
      {"joint_blocks.7.x_block.attn.qkv",
       {{"transformer_blocks.7.attn.to_q", 1},
        {"transformer_blocks.7.attn.to_k", 1},
        {"transformer_blocks.7.attn.to_v", 1}}},
      {"joint_blocks.7.context_block.attn.proj", {{"transformer_blocks.7.attn.to_add_out", 1}}},
      {"joint_blocks.0.x_block.attn2.proj", {{"transformer_blocks.0.attn2.to_out.0", 1}}},
      {"joint_blocks.0.x_block.mlp.fc1", {{"transformer_blocks.0.ff.net.0.proj", 4}}},
      {"double_blocks.18.txt_attn.qkv",
       {{"transformer_blocks.18.attn.add_q_proj", 1},
        {"transformer_blocks.18.attn.add_k_proj", 1},
        {"transformer_blocks.18.attn.add_v_proj", 1}}},
      {"double_blocks.1.img_mlp.2", {{"transformer_blocks.1.ff.net.2", 1}}},
      {"single_blocks.37.linear1",
       {{"single_transformer_blocks.37.attn.to_q", 1},
        {"single_transformer_blocks.37.attn.to_k", 1},
        {"single_transformer_blocks.37.attn.to_v", 1},
        {"single_transformer_blocks.37.proj_mlp", 4}}},
      {"single_blocks.37.linear2", {{"single_transformer_blocks.37.proj_out", 1}}}};
  return kAll;
}

int64_t rows_of(const Original& original) {
  int64_t rows = 0;
  for (const auto& [layer, count] : original.layers) rows += count;
  return rows;
}

// The names of kohya's scripts and of ComfyUI.
TEST(lora_fused, original_names_are_taken_apart) {
  at::manual_seed(2);
  for (const bool flat : {true, false}) {
    TensorMap tensors;
    std::map<std::string, Tensor> expected;
    for (const Original& original : originals()) {
      const LoraModule whole = module(original.name, rows_of(original));
      const std::string name =
          flat ? "lora_unet_" + flat_path(original.name) : "diffusion_model." + std::string(original.name);
      tensors[name + ".lora_down.weight"] = whole.down;
      tensors[name + ".lora_up.weight"] = whole.up;
      tensors[name + ".alpha"] = at::scalar_tensor(4.0);
      int64_t begin = 0;
      for (const auto& [layer, rows] : original.layers) {
        expected[layer] = change_of(whole).narrow(0, begin, rows * kWidth);
        begin += rows * kWidth;
      }
    }
    const TempFolder folder;
    std::vector<NamedTensor> named;
    for (const auto& [name, tensor] : tensors) named.push_back({name, tensor});
    save_safetensors(folder / "in.safetensors", named);
    const LoraFile file = load_lora(folder / "in.safetensors");
    ASSERT_EQ(file.modules.size(), expected.size());
    for (const LoraModule& layer : file.modules) {
      ASSERT_TRUE(expected.contains(layer.path)) << layer.path;
      EXPECT_EQ(layer.component, "transformer");
      EXPECT_TRUE(at::allclose(change_of(layer), expected.at(layer.path), 1e-5, 1e-6)) << layer.path;
    }
  }
}

TEST(lora_fused, kohyas_form_comes_back) {
  const LoraFile file = some_file();
  const TempFolder folder;
  save_lora(folder / "out.safetensors", file, LoraFormat::kKohya);
  EXPECT_TRUE(load_safetensors(folder / "out.safetensors")
                  .contains("lora_transformer_single_transformer_blocks_3_attn_to_k.lora_down.weight"));
  const LoraFile back = load_lora(folder / "out.safetensors");
  ASSERT_EQ(back.modules.size(), file.modules.size());
  for (size_t i = 0; i < file.modules.size(); ++i) {
    EXPECT_EQ(back.modules[i].path, file.modules[i].path);
    EXPECT_TRUE(at::equal(change_of(back.modules[i]), change_of(file.modules[i])));
  }
}

TEST(lora_fused, prefixes_that_comfyui_takes_name_the_transformer) {
  for (const char* prefix :
       {"transformer.transformer_blocks.0.attn.", "base_model.model.transformer_blocks.0.attn.",
        "lora_transformer_transformer_blocks_0_attn_", "lycoris_transformer_blocks_0_attn_",
        "lora_unet_transformer_blocks_0_attn_", "transformer_blocks.0.attn."}) {
    const LoraKey key = parse_lora_key(std::string(prefix) + "to_q.lora_down.weight", "f");
    EXPECT_EQ(key.component, "transformer") << prefix;
    EXPECT_EQ(key.path, "transformer_blocks.0.attn.to_q") << prefix;
  }
  EXPECT_EQ(parse_lora_key("lycoris_mid_block_attentions_0_proj_in.lora_up.weight", "f").component, "unet");
}

TEST(lora_fused, layers_without_counterpart_are_refused) {
  EXPECT_EQ(
      message_of<DataError>([] { in_diffusers_layers(module("joint_blocks.0.x_block.attn.ln_q"), "f"); }),
      "[f] layer 'joint_blocks.0.x_block.attn.ln_q' has no counterpart among diffusers' layers");
  EXPECT_EQ(message_of<DataError>([] { in_diffusers_layers(module("single_blocks.0.linear1"), "f"); }),
            "[f] layer 'single_blocks.0.linear1' must have rows for 7 parts; got 8");
}

}  // namespace lora_fused_test
}  // namespace gamut::nn
