// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/lora_file.h"

#include "gamut/core/error.h"
#include "gamut/io/files.h"
#include "gamut/io/safetensors.h"
#include "support/message_of.h"
#include "support/temp_folder.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <limits>

namespace gamut::nn {
namespace lora_file_test {

namespace fs = std::filesystem;
using testing::message_of;
using testing::TempFolder;

// Two components, a convolution, two ranks, scales that are powers of two.
LoraFile some_file() {
  at::manual_seed(1);
  const std::string block = "down_blocks.0.attentions.1.transformer_blocks.0.attn2.";
  return {.origin = "some",
          .modules = {
              {"text_encoder", "text_model.encoder.layers.0.self_attn.q_proj", at::randn({2, 8}),
               at::randn({8, 2}), 4},
              {"unet", block + "to_k", at::randn({2, 8}), at::randn({6, 2}), 1},
              {"unet", block + "to_out.0", at::randn({2, 8}), at::randn({6, 2}), 1},
              {"unet", "up_blocks.2.resnets.0.conv1", at::randn({4, 8, 3, 3}), at::randn({6, 4, 1, 1}), 8}}};
}

Tensor change(const LoraModule& module) {
  return weight_change({.down = module.down, .up = module.up, .scale = module.alpha / double(module.rank())});
}

TEST(lora_file, every_form_gives_the_same_change_of_weights) {
  const LoraFile file = some_file();
  const TempFolder folder;
  for (const LoraFormat format : {LoraFormat::kDiffusers, LoraFormat::kPeft, LoraFormat::kKohya}) {
    SCOPED_TRACE(int(format));
    const fs::path path = folder / cat("form", int(format));
    save_lora(path, file, format);
    const fs::path stored = format == LoraFormat::kKohya ? path / "lora.safetensors" : path;
    const LoraFile back = load_lora(stored);
    ASSERT_EQ(back.modules.size(), file.modules.size());
    for (size_t i = 0; i < file.modules.size(); ++i) {
      EXPECT_EQ(back.modules[i].component, file.modules[i].component);
      EXPECT_EQ(back.modules[i].path, file.modules[i].path);
      EXPECT_TRUE(at::equal(change(back.modules[i]), change(file.modules[i]))) << file.modules[i].path;
      const double alpha =
          format == LoraFormat::kPeft ? file.modules[i].alpha : double(back.modules[i].rank());
      EXPECT_EQ(back.modules[i].alpha, alpha);
    }
  }
}

TEST(lora_file, there_and_back_is_the_same_file) {
  const TempFolder folder;
  LoraFile file = some_file();
  file.modules.resize(3);  // of one rank
  save_lora(folder / "a.safetensors", file, LoraFormat::kDiffusers);
  save_lora(folder / "peft", load_lora(folder / "a.safetensors"), LoraFormat::kPeft);
  save_lora(folder / "k.safetensors", load_lora(folder / "peft"), LoraFormat::kKohya);
  save_lora(folder / "b.safetensors", load_lora(folder / "k.safetensors"), LoraFormat::kDiffusers);
  EXPECT_EQ(io::read_text(folder / "a.safetensors"), io::read_text(folder / "b.safetensors"));
}

// What readers without metadata assume (alpha = rank) is what readers with metadata are told.
TEST(lora_file, the_default_form_says_scale_one_to_everyone) {
  const TempFolder folder;
  save_lora(folder.path(), some_file(), LoraFormat::kDiffusers);
  const fs::path path = folder / "pytorch_lora_weights.safetensors";
  for (const auto& [name, tensor] : load_safetensors(path)) {
    EXPECT_NE(name.find(".lora_"), std::string::npos) << name;
    EXPECT_TRUE(name.starts_with("unet.") || name.starts_with("text_encoder.")) << name;
  }
  const auto metadata = io::SafetensorsFile::open(path).metadata();
  EXPECT_EQ(metadata.at("format"), "pt");
  const nlohmann::json packed = nlohmann::json::parse(metadata.at("lora_adapter_metadata"));
  EXPECT_EQ(packed["unet.r"], packed["unet.lora_alpha"]);
  EXPECT_EQ(packed["unet.rank_pattern"], packed["unet.alpha_pattern"]);
  EXPECT_EQ(packed["unet.rank_pattern"], (nlohmann::json{{"up_blocks.2.resnets.0.conv1", 4}}));
  EXPECT_EQ(packed["text_encoder.target_modules"], (nlohmann::json{"encoder.layers.0.self_attn.q_proj"}));
}

// diffusers drops alphas of single layers and takes the commonest for them; where all are alike, kohya's
// readers find them as they were.
TEST(lora_file, kohyas_form_makes_layers_alike) {
  LoraFile even = some_file();
  even.modules.resize(3);
  for (LoraModule& module : even.modules) module.alpha = 1;
  const TempFolder folder;
  save_lora(folder / "even.safetensors", even, LoraFormat::kKohya);
  for (const LoraModule& module : load_lora(folder / "even.safetensors").modules) {
    EXPECT_EQ(module.alpha, 1);
    EXPECT_EQ(module.rank(), 2);
  }
  save_lora(folder / "uneven.safetensors", some_file(), LoraFormat::kKohya);
  const LoraFile uneven = load_lora(folder / "uneven.safetensors");
  for (const LoraModule& module : uneven.modules) {
    EXPECT_EQ(module.alpha, 4) << module.path;
    EXPECT_EQ(module.rank(), 4) << module.path;
  }
  // From there the other forms hold the larger rank, and the same change of the weights.
  save_lora(folder / "again", uneven, LoraFormat::kDiffusers);
  EXPECT_EQ(load_lora(folder / "again").modules[1].rank(), 4);
}

// Ranks and strengths of every layer under 26 configurations, by peft itself (generators/peft_patterns.py).
// The file holds A and B of the ranks that peft made, so a rank found otherwise is refused.
TEST(lora_file, patterns_are_read_by_pefts_rule) {
  const nlohmann::json cases = io::read_json(GAMUT_SOURCE_DIR "/tests/nn/fixtures/peft_patterns.json");
  ASSERT_GE(cases.size(), 26u);
  for (const nlohmann::json& one : cases) {
    const TempFolder folder;
    const std::string settings = one["settings"].get<std::string>();
    io::write_atomically(folder / "adapter_config.json", settings);
    std::vector<NamedTensor> tensors;
    for (const auto& [path, expected] : one["layers"].items()) {
      const int64_t rank = expected[0].get<int64_t>();
      tensors.push_back({"base_model.model." + path + ".lora_A.weight", at::ones({rank, 8})});
      tensors.push_back({"base_model.model." + path + ".lora_B.weight", at::ones({8, rank})});
    }
    save_safetensors(folder / "adapter_model.safetensors", tensors);
    const LoraFile file = load_lora(folder.path());
    ASSERT_EQ(file.modules.size(), one["layers"].size());
    for (const LoraModule& module : file.modules)
      EXPECT_NEAR(module.alpha / double(module.rank()), one["layers"][module.path][1].get<double>(), 1e-12)
          << module.path << " in " << settings;
  }
}

TEST(lora_file, folds_in_fp32_and_rounds_once) {
  LoraFile file = some_file();
  file.modules.resize(1);
  LoraModule& module = file.modules[0];
  module.down = module.down.to(at::kHalf);
  module.up = module.up.to(at::kHalf);
  module.alpha = 3;
  const TempFolder folder;
  save_lora(folder.path(), file, LoraFormat::kDiffusers);
  const Tensor up = load_lora(folder.path()).modules[0].up;
  EXPECT_EQ(up.scalar_type(), at::kHalf);
  EXPECT_TRUE(at::equal(up, (module.up.to(at::kFloat) * 1.5).to(at::kHalf)));
}

TEST(lora_file, flat_names_find_their_dots_again) {
  for (const char* path :
       {"down_blocks.0.attentions.1.transformer_blocks.0.attn2.to_out.0", "mid_block.resnets.1.time_emb_proj",
        "up_blocks.3.attentions.2.proj_in", "text_model.encoder.layers.11.self_attn.out_proj",
        "text_model.encoder.layers.0.mlp.fc1", "down_blocks.1.downsamplers.0.conv", "time_embedding.linear_1",
        "down_blocks.2.attentions.0.transformer_blocks.0.ff.net.0.proj",
        "up_blocks.1.resnets.0.conv_shortcut", "single_transformer_blocks.37.attn.to_q",
        "transformer_blocks.3.attn.add_q_proj", "conv_in", "transformer_blocks.3.ff_context.net.2",
        "add_embedding.pool.k_proj"})
    EXPECT_EQ(dotted_path(flat_path(path)), path);
}

TEST(lora_file, knows_every_spelling) {
  const auto parse = [](const std::string& name) {
    const LoraKey key = parse_lora_key(name, "f");
    return cat(key.component, " ", key.path,
               key.part == LoraKey::Part::kDown ? " A"
               : key.part == LoraKey::Part::kUp ? " B"
                                                : " alpha",
               key.bare ? " bare" : "");
  };
  EXPECT_EQ(parse("unet.mid_block.attentions.0.proj_in.lora_A.weight"),
            "unet mid_block.attentions.0.proj_in A");
  EXPECT_EQ(parse("base_model.model.conv_in.lora_B.default.weight"), "unet conv_in B");
  EXPECT_EQ(parse("base_model.model.transformer_blocks.0.attn.to_q.lora_A.weight"),
            "transformer transformer_blocks.0.attn.to_q A");
  EXPECT_EQ(parse("diffusion_model.mid_block.x.lora_up.weight"), "unet mid_block.x B");
  EXPECT_EQ(parse("lora_unet_mid_block_attentions_0_proj_in.alpha"),
            "unet mid_block.attentions.0.proj_in alpha");
  EXPECT_EQ(parse("lora_te_text_model_encoder_layers_3_mlp_fc2.lora_down.weight"),
            "text_encoder text_model.encoder.layers.3.mlp.fc2 A");
  EXPECT_EQ(parse("text_encoder.text_model.encoder.layers.3.self_attn.k_proj.lora_linear_layer.up.weight"),
            "text_encoder text_model.encoder.layers.3.self_attn.k_proj B");
  EXPECT_EQ(parse("unet.mid_block.a.attn1.processor.to_out_lora.up.weight"),
            "unet mid_block.a.attn1.to_out.0 B");
  EXPECT_EQ(parse("unet.mid_block.a.attn1.to_q.lora.down.weight"), "unet mid_block.a.attn1.to_q A");
  EXPECT_EQ(parse("conv_in.lora_A.weight"), "unet conv_in A bare");
}

// Files that someone else spoiled.
class Spoiled {
 public:
  explicit Spoiled(std::vector<NamedTensor> tensors,
                   const std::map<std::string, std::string>& metadata = {}) {
    save_safetensors(folder_ / "f.safetensors", tensors, metadata);
  }
  // The message after the file's name.
  std::string message() const {
    const std::string text = message_of<DataError>([&] { load_lora(folder_ / "f.safetensors"); });
    const size_t end = text.find("] ");
    return end == std::string::npos ? text : text.substr(end + 2);
  }

 private:
  TempFolder folder_;
};

TEST(lora_file, says_what_is_wrong_with_a_file) {
  const Tensor a = at::ones({2, 8}), b = at::ones({6, 2});
  EXPECT_EQ(Spoiled({{"unet.x.lora_A.weight", a}}).message(),
            "tensor 'unet.x.lora_A.weight' has no partner; a LoRA needs A (down) and B (up)");
  EXPECT_EQ(
      Spoiled({{"unet.x.lora_A.weight", a}, {"unet.x.lora_B.weight", at::ones({6, 3})}}).message(),
      "'unet.x.lora_A.weight' and 'unet.x.lora_B.weight' disagree about the rank; got [2, 8] and [6, 3]; "
      "expected [r, in…] and [out, r]");
  EXPECT_NE(Spoiled({{"unet.x.lora_A.weight", a}, {"unet.x.lora_B.weight", b}, {"unet.x.dora_scale", a}})
                .message()
                .find("tensor 'unet.x.dora_scale' is no part of a LoRA"),
            std::string::npos);
  EXPECT_NE(Spoiled({{"conv_in.weight", a}}).message().find("tensor 'conv_in.weight' is no part of a LoRA"),
            std::string::npos);
  EXPECT_EQ(Spoiled({{"unet.x.lora_A.weight", a * std::numeric_limits<float>::quiet_NaN()},
                     {"unet.x.lora_B.weight", b}})
                .message(),
            "tensor 'unet.x.lora_A.weight' holds values that are not finite; the file is damaged, or its "
            "training went wrong");
  EXPECT_EQ(Spoiled({{"unet.x.lora_A.weight", a}, {"unet.x.lora_down.weight", a}}).message(),
            "tensor 'unet.x.lora_down.weight' gives layer 'x' a second time");
  EXPECT_EQ(Spoiled({{"unet.x.lora_A.weight", at::ones({2})}, {"unet.x.lora_B.weight", b}}).message(),
            "tensor 'unet.x.lora_A.weight' has the wrong shape; got [2]; expected 2 dimensions, or 4 for a "
            "convolution");
  EXPECT_EQ(Spoiled({{"unet.x.alpha", at::ones({1})}}).message(), "layer 'x' has an alpha and no weights");
  EXPECT_NE(
      Spoiled({{"x.lora_A.weight", a}, {"x.lora_B.weight", b}}).message().find("so its strength is unknown"),
      std::string::npos);
  EXPECT_EQ(Spoiled({}).message(), "the file holds no adapter; expected tensors such as '….lora_A.weight'");
}

TEST(lora_file, says_what_is_wrong_with_a_configuration) {
  const std::vector<NamedTensor> tensors{{"unet.x.lora_A.weight", at::ones({2, 8})},
                                         {"unet.x.lora_B.weight", at::ones({6, 2})}};
  const auto message = [&](const std::string& json) {
    return Spoiled(tensors, {{"lora_adapter_metadata", json}}).message();
  };
  EXPECT_EQ(message(R"({"unet.r": 4})"),
            "tensor 'unet.x.lora_A.weight' has another rank than the configuration says; got "
            "[2, 8]; expected rank 4");
  EXPECT_EQ(message(R"({"unet.use_dora": true})"),
            "adapters with use_dora are not read; expected plain LoRA");
  EXPECT_EQ(message(R"({"unet.peft_type": "LOHA"})"),
            "only adapters of type LORA are read; got peft_type \"LOHA\"");
  EXPECT_EQ(message(R"({"unet.lora_alpha": "8"})"),
            "'lora_alpha' of the adapter's configuration must be a number; got \"8\"");
  for (const char* pattern : {"(?i)x", "x++", "(?P<a>x)", "x{,3}", "x(", "[[a]"})
    EXPECT_EQ(message(cat(R"({"unet.alpha_pattern": {")", pattern, R"(": 8}})")),
              cat("'alpha_pattern' holds a pattern that is not read; got '", pattern,
                  "'; expected a layer's name or a plain regular expression"));
  EXPECT_NE(message("{").find("lora_adapter_metadata"), std::string::npos);
  EXPECT_EQ(message("[]"), "lora_adapter_metadata is a JSON object");
}

TEST(lora_file, truncated_and_foreign_files) {
  const TempFolder folder;
  save_lora(folder / "a.safetensors", some_file(), LoraFormat::kDiffusers);
  const std::string bytes = io::read_text(folder / "a.safetensors");
  io::write_atomically(folder / "half.safetensors", bytes.substr(0, bytes.size() / 2));
  EXPECT_THROW(load_lora(folder / "half.safetensors"), DataError);
  io::write_atomically(folder / "old.pt", bytes);
  EXPECT_NE(message_of<DataError>([&] { load_lora(folder / "old.pt"); }).find("are never read"),
            std::string::npos);
  EXPECT_THROW(load_lora(folder / "nowhere.safetensors"), EnvironmentError);
  EXPECT_NE(message_of<DataError>([&] { load_lora(folder.path()); }).find("the folder holds no adapter"),
            std::string::npos);
}

}  // namespace lora_file_test
}  // namespace gamut::nn
