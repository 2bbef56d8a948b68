// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/families/stable_diffusion.h"

#include "gamut/core/error.h"
#include "gamut/models/clip/clip_text.h"
#include "gamut/models/clip/clip_tower.h"
#include "gamut/models/unet/unet_2d_condition.h"
#include "gamut/models/vae/picture_coder.h"

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include <optional>

namespace gamut::models {
namespace {

UNetConfig read_unet_config(const ModelFolder& folder) {
  return parse_unet_config(folder.json("unet/config.json"), (folder.path() / "unet/config.json").string());
}

class OneClip : public TextStack {
 public:
  OneClip(ModelFolder& folder, const PartSource& source)
      : clip_(folder, source, "tokenizer", "text_encoder") {}
  TokenBatch tokenize(const std::vector<std::string>& prompts) const override {
    return {clip_.tokenize(prompts, cut_)};
  }
  Conditioning encode(const TokenBatch& tokens) const override {
    return {{{"hidden", clip_(tokens.at(0)).last_hidden_state.to(at::kFloat)}}};
  }
  std::vector<NamedStore> stores() override { return {clip_.store()}; }

 private:
  ClipTower clip_;
  CutPrompts cut_;
};

class UNetDenoiser : public Denoiser {
 public:
  UNetDenoiser(const ModelFolder& folder, const PartSource& source, const UNetConfig& config)
      : store_(source.seed ? nn::ParamStore::from_seed(*source.seed, source.large())
                           : nn::ParamStore::from_tensors(
                                 folder.load_weights("unet", "diffusion_pytorch_model", source.variant),
                                 "unet", source.large())),
        dtype_(source.params.dtype),
        unet_(config, nn::Scope(store_)) {
    store_.finish();
  }
  at::Tensor predict(const at::Tensor& x, const at::Tensor& model_time,
                     const Conditioning& cond) const override {
    return unet_(x, model_time, cond.hidden().to(dtype_));
  }
  nn::ParamStore& params() override { return store_; }
  void recompute_in_backward(bool on) override { unet_.recompute_in_backward(on); }

 private:
  nn::ParamStore store_;
  at::ScalarType dtype_;
  UNet2DCondition unet_;
};

int64_t text_width(const ModelFolder& folder) {
  const std::string file = "text_encoder/config.json";
  return parse_clip_text_config(folder.json(file), (folder.path() / file).string()).hidden_size;
}

void check_widths(const ModelFolder& folder, const UNetConfig& config, int64_t text_width) {
  const std::string file = (folder.path() / "unet/config.json").string();
  const int64_t latents = coder_shape(folder).channels;
  for (const int64_t channels : {config.in_channels, config.out_channels}) {
    if (latents > 0 && channels != latents)
      throw DataError(file,
                      cat("in_channels and out_channels must be the vae's latent channels; got ", channels,
                          "; expected ", latents, "; inpainting models and the like are not supported"));
  }
  for (const int64_t width : config.cross_attention_dim) {
    if (width != text_width)
      throw DataError(file, cat("cross_attention_dim must be the text encoder's hidden_size; got ", width,
                                "; expected ", text_width));
  }
}

std::unique_ptr<TextStack> open_clip(ModelFolder& folder, const PartSource& source) {
  return std::make_unique<OneClip>(folder, source);
}

// Weights before widths: a config that was edited alone differs from its weights.
std::unique_ptr<Denoiser> open_unet(const ModelFolder& folder, const PartSource& source) {
  const UNetConfig config = read_unet_config(folder);
  auto denoiser = std::make_unique<UNetDenoiser>(folder, source, config);
  check_widths(folder, config, text_width(folder));
  return denoiser;
}

}  // namespace

ModelFamily stable_diffusion() {
  return {.pipeline_class = "StableDiffusionPipeline",
          .models = "Stable Diffusion 1.x and 2.x, gamut's own bases",
          .denoiser = "unet",
          .check =
              [](const ModelFolder& folder) {
                expect_class(folder, "unet", {"UNet2DConditionModel"});
                expect_class(folder, "text_encoder", {"CLIPTextModel"});
              },
          .latents =
              [](const ModelFolder& folder) {
                const UNetConfig config = read_unet_config(folder);
                return LatentSpec{.channels = config.in_channels,
                                  .height = config.sample_height,
                                  .width = config.sample_width};
              },
          .open_text = open_clip,
          .open_denoiser = open_unet};
}

}  // namespace gamut::models
