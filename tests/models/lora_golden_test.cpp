// SPDX-License-Identifier: Apache-2.0
// Adapters as peft computes, places and starts them; files as diffusers and peft write them. The fixtures
// come from tests/generators/lora.py.
#include "gamut/core/error.h"
#include "gamut/models/clip/clip_text.h"
#include "gamut/models/flux/flux_transformer.h"
#include "gamut/models/mmdit/sd3_transformer.h"
#include "gamut/models/unet/unet_2d_condition.h"
#include "gamut/nn/lora.h"
#include "models/hashed_weights.h"
#include "support/message_of.h"

#include <ATen/core/grad_mode.h>

namespace gamut::models {
namespace lora_golden_test {

namespace fs = std::filesystem;

const fs::path kFolder = fs::path(GAMUT_SOURCE_DIR) / "tests/models/fixtures";

// lora_golden.cpp's networks with the adapter's factors from the hash of the generator.
struct Adapted {
  nlohmann::json about;
  nn::TensorMap tensors;
  nn::LoraConfig lora;
  Fixture network;
  nn::ParamStore store;
  UNet2DCondition unet;
  nn::ParamStore adapter;

  explicit Adapted(const std::string& name)
      : about(io::read_json(kFolder / (name + ".json"))),
        tensors(nn::load_safetensors(kFolder / (name + ".safetensors"))),
        network(Fixture::read(about["network"].get<std::string>())),
        store(nn::ParamStore::from_tensors(network.weights, "unet", {})),
        unet(parse_unet_config(network.config, name), nn::Scope(store)) {
    lora.rank = about["rank"];
    lora.alpha = about["alpha"];
    lora.targets = about["targets"].get<std::vector<std::string>>();
    store.require_grad(false);
    adapter = nn::attach_lora(store, lora, 1);
    fill();
    adapter.require_grad(true);
  }
  Tensor operator()() const { return unet(tensors.at("sample"), tensors.at("timestep"), tensors.at("text")); }

 private:
  void fill() {
    for (const nn::NamedTensor& param : adapter.params()) {
      const bool down = param.name.find(".lora_A.") != std::string::npos;
      const double fan_in = double(param.tensor.numel()) / double(param.tensor.size(0));
      const std::vector<double> values = hashed(param.name, param.tensor.numel());
      const Tensor filled = at::tensor(values) * ((down ? 2.0 : 0.5) / std::sqrt(fan_in));
      param.tensor.copy_(filled.view(param.tensor.sizes()));
    }
  }
};

constexpr const char* kCases[] = {"lora_sd15", "lora_sd21"};

// 1e-5 absolute on outputs of size one, as for the networks without adapters.
TEST(lora_golden, adapted_networks_equal_peft) {
  for (const char* name : kCases) {
    SCOPED_TRACE(name);
    const Adapted adapted(name);
    expect_near(adapted(), adapted.tensors.at("output"), 1e-5, "output");
    EXPECT_GT((adapted.tensors.at("output") - adapted.tensors.at("output_off")).abs().max().item<double>(),
              0.1);
    const nn::AdaptersOff off(adapted.store);
    expect_near(adapted(), adapted.tensors.at("output_off"), 1e-5, "output_off");
  }
}

TEST(lora_golden, gradients_equal_peft_and_reach_adapters_alone) {
  for (const char* name : kCases) {
    SCOPED_TRACE(name);
    const Adapted adapted(name);
    const Tensor sample = adapted.tensors.at("sample").clone().set_requires_grad(true);
    const Tensor out = adapted.unet(sample, adapted.tensors.at("timestep"), adapted.tensors.at("text"));
    (out * adapted.tensors.at("probe")).sum().backward();
    const Tensor& expected = adapted.tensors.at("grad_sample");
    expect_near(sample.grad(), expected, 1e-4 * expected.abs().max().item<double>(), "grad_sample");
    Fixture fixture;
    fixture.tensors = adapted.tensors;
    expect_gradients(adapted.adapter, fixture);
    for (const nn::NamedTensor& param : adapted.store.params())
      EXPECT_FALSE(param.tensor.grad().defined()) << param.name;
  }
}

TEST(lora_golden, same_bits_with_and_without_grad) {
  for (const char* name : kCases) {
    SCOPED_TRACE(name);
    const Adapted adapted(name);
    const Tensor with = adapted();
    EXPECT_TRUE(with.requires_grad());
    const at::NoGradGuard no_grad;
    EXPECT_TRUE(at::equal(adapted(), with.detach()));
  }
}

// An adapter whose B is zero leaves the base's own bits. On a feed-forward layer it leaves the fused kernel's
// path, so that there only the network with the adapter switched off, the reference of a regularizer, is the
// same.
TEST(lora_golden, a_new_adapter_changes_no_bit) {
  for (const char* name : kCases) {
    SCOPED_TRACE(name);
    const Adapted adapted(name);
    const at::NoGradGuard no_grad;
    Fixture network = Fixture::read(adapted.about["network"].get<std::string>());
    nn::ParamStore store = nn::ParamStore::from_tensors(network.weights, "unet", {});
    const UNet2DCondition unet(parse_unet_config(network.config, name), nn::Scope(store));
    const auto run = [&] {
      return unet(adapted.tensors.at("sample"), adapted.tensors.at("timestep"), adapted.tensors.at("text"));
    };
    const Tensor base = run();
    nn::LoraConfig config = adapted.lora;
    std::erase_if(config.targets, [](const std::string& target) { return target.starts_with("ff."); });
    nn::attach_lora(store, config, 4);
    EXPECT_TRUE(at::equal(run(), base));
    nn::attach_lora(store, adapted.lora, 5);
    const Tensor on = run();
    const nn::AdaptersOff off(store);
    EXPECT_TRUE(at::equal(run(), on));
  }
}

// fp32 sums in another order: 2e-5 where one network is compared with itself.
TEST(lora_golden, merging_gives_the_same_network) {
  for (const char* name : kCases) {
    SCOPED_TRACE(name);
    Adapted adapted(name);
    const at::NoGradGuard no_grad;
    const Tensor before = adapted();
    nn::merge_adapters(adapted.store);
    for (const auto& [path, slot] : adapted.store.adapters()) EXPECT_FALSE(slot->active()) << path;
    expect_near(adapted(), before, 2e-5, "merged");
  }
}

// The tolerance is one rounding of bf16 at the output's size.
TEST(lora_golden, stays_fp32_over_a_bf16_base) {
  const nn::TensorMap stored = nn::load_safetensors(kFolder / "lora_bf16.safetensors");
  nn::ParamStore store = nn::ParamStore::from_tensors(
      {{"weight", stored.at("weight")}, {"bias", stored.at("bias")}}, "layer", {.dtype = at::kBFloat16});
  const nn::Linear layer(nn::Scope(store), 24, 16);
  layer.adapters->parts.push_back({.down = stored.at("down"), .up = stored.at("up"), .scale = 3});
  const Tensor out = layer(stored.at("x"));
  EXPECT_EQ(out.scalar_type(), at::kBFloat16);
  expect_near(out.to(at::kFloat), stored.at("output").to(at::kFloat), 0.02, "output");
  const Tensor exact = at::linear(stored.at("x"), stored.at("weight"), stored.at("bias")).to(at::kFloat) +
                       3 * stored.at("x").to(at::kFloat).mm(stored.at("down").t()).mm(stored.at("up").t());
  EXPECT_TRUE(at::allclose(out.to(at::kFloat), exact.to(at::kBFloat16).to(at::kFloat), 0.008, 1e-6));
}

// The network of lora_files.
struct Tiny {
  Fixture fixture = Fixture::read("lora_tiny_unet"), text_fixture = Fixture::read("lora_tiny_text");
  nn::ParamStore store = nn::ParamStore::from_tensors(fixture.weights, "unet", {});
  UNet2DCondition unet{parse_unet_config(fixture.config, "tiny"), nn::Scope(store)};
  nn::ParamStore text_store = nn::ParamStore::from_tensors(text_fixture.weights, "text_encoder", {});
  ClipTextModel text{parse_clip_text_config(text_fixture.config, "tiny"), nn::Scope(text_store)};

  void attach(const nn::LoraFile& file) {
    for (const nn::LoraModule& module : file.modules)
      nn::attach_modules(module.component == "unet" ? store : text_store, {module}, 1);
  }
  Tensor output() const {
    return unet(fixture.tensors.at("sample"), fixture.tensors.at("timestep"), fixture.tensors.at("text"));
  }
  Tensor hidden() const { return text(fixture.tensors.at("ids")).last_hidden_state; }
};

TEST(lora_golden, targets_match_as_in_peft) {
  const nlohmann::json stored = io::read_json(kFolder / "lora_matching.json");
  for (const nlohmann::json& row : stored["matching"]) {
    SCOPED_TRACE(row["targets"].dump());
    const Tiny tiny;
    nn::LoraConfig config{.rank = 2};
    if (row["targets"].is_array()) {
      config.targets = row["targets"].get<std::vector<std::string>>();
    } else if (row["targets"] == "all-linear") {
      config.targets = {"all-linear"};
    } else {
      config.target_regex = row["targets"];
    }
    const auto expected = row["layers"].get<std::vector<std::string>>();
    if (expected.empty()) {
      EXPECT_THROW(nn::match_targets(config, tiny.store), ConfigError);
    } else {
      EXPECT_EQ(nn::match_targets(config, tiny.store), expected);
    }
  }
}

// A transformer of tests/generators/dit.py, as far as its layers go.
nn::ParamStore transformer_store(const std::string& network) {
  const Fixture fixture = Fixture::read(network);
  nn::ParamStore store = nn::ParamStore::from_tensors(fixture.weights, "transformer", {});
  if (network.starts_with("flux"))
    FluxTransformer(parse_flux_config(fixture.config, network), nn::Scope(store));
  else
    Sd3Transformer(parse_sd3_config(fixture.config, network), nn::Scope(store));
  return store;
}

// "attn.to_q" takes no layer of attn2, and of FLUX's single blocks to_q alone.
TEST(lora_golden, targets_of_transformers_match_as_in_peft) {
  const nlohmann::json fixture = io::read_json(kFolder / "lora_matching_dit.json");
  for (const nlohmann::json& row : fixture["matching"]) {
    SCOPED_TRACE(row["targets"].dump());
    nn::LoraConfig config{.rank = 2};
    config.targets = row["targets"].get<std::vector<std::string>>();
    EXPECT_EQ(nn::match_targets(config, transformer_store(row["network"])),
              row["layers"].get<std::vector<std::string>>());
  }
}

TEST(lora_golden, an_adapter_of_another_transformer_is_refused) {
  nn::ParamStore sd3 = transformer_store("sd3_medium");
  const auto attach = [&](const std::string& path, int64_t width) {
    return testing::message_of<DataError>([&] {
      nn::attach_modules(sd3, {{"transformer", path, at::ones({2, width}), at::ones({width, 2}), 2}}, 1);
    });
  };
  EXPECT_EQ(attach("single_transformer_blocks.0.attn.to_q", 32),
            "[lora] the adapter's layer 'transformer.single_transformer_blocks.0.attn.to_q' is not in the "
            "model; the nearest "
            "is 'transformer_blocks.0.attn.to_q'; was it made for another model?");
  EXPECT_EQ(attach("transformer_blocks.0.attn.to_q", 64),
            "[lora] the adapter's lora_A of 'transformer.transformer_blocks.0.attn.to_q' does not fit the "
            "layer; got [2, 64]; "
            "expected [2, 32]; was it made for another model?");
}

// 9,600 and 9,216 normal numbers have a relative error of 0.7 % in their standard deviation.
TEST(lora_golden, starts_as_in_peft) {
  const nlohmann::json fixture = io::read_json(kFolder / "lora_matching.json");
  for (const nlohmann::json& row : fixture["starts"]) {
    SCOPED_TRACE(row.dump());
    nn::ParamStore store = nn::ParamStore::from_seed(1, {});
    const nn::Scope root{store};
    const nn::Linear linear{root["linear"], 600, 400};
    const nn::Conv2d conv{root["conv"], 64, 32};
    nn::LoraConfig config{.rank = 16, .targets = {row["layer"]}};
    config.init = row["init"];
    const nn::ParamStore adapter = nn::attach_lora(store, config, 7);
    const Tensor &down = adapter.params()[0].tensor, &up = adapter.params()[1].tensor;
    EXPECT_NEAR(down.std().item<double>() / row["std"].get<double>(), 1, 0.03);
    if (config.init == "kaiming") {
      EXPECT_NEAR(down.abs().max().item<double>() / row["largest"].get<double>(), 1, 0.01);
    }
    EXPECT_FALSE(up.any().item<bool>());
  }
}

TEST(lora_golden, files_of_other_programs_give_their_outputs) {
  for (const char* file : {"diffusers", "diffusers/pytorch_lora_weights.safetensors", "kohya.safetensors"}) {
    SCOPED_TRACE(file);
    Tiny tiny;
    tiny.attach(nn::load_lora(kFolder / "lora_files" / file));
    expect_near(tiny.output(), tiny.fixture.tensors.at("output"), 1e-5, "output");
    expect_near(tiny.hidden(), tiny.fixture.tensors.at("hidden"), 1e-5, "hidden");
  }
  for (const char* file : {"peft", "peft/adapter_model.safetensors"}) {
    SCOPED_TRACE(file);
    Tiny tiny;
    tiny.attach(nn::load_lora(kFolder / "lora_files" / file));
    expect_near(tiny.output(), tiny.fixture.tensors.at("output"), 1e-5, "output");
  }
}

// The oldest names carry no alpha: every layer's is its rank.
TEST(lora_golden, the_oldest_names_are_the_attention_layers) {
  const nn::LoraFile old = nn::load_lora(kFolder / "lora_files/old_attention.safetensors");
  const nn::LoraFile peft = nn::load_lora(kFolder / "lora_files/peft");
  ASSERT_EQ(old.modules.size(), 24u);
  for (const nn::LoraModule& module : old.modules) {
    EXPECT_EQ(module.alpha, double(module.rank()));
    const auto same = std::ranges::find(peft.modules, module.path, &nn::LoraModule::path);
    ASSERT_NE(same, peft.modules.end()) << module.path;
    EXPECT_TRUE(at::equal(same->down, module.down));
    EXPECT_TRUE(at::equal(same->up, module.up));
  }
}

}  // namespace lora_golden_test
}  // namespace gamut::models
