// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/families/stable_diffusion_3.h"

#include "gamut/core/error.h"
#include "gamut/models/clip/clip_tower.h"
#include "gamut/models/families/transformer_store.h"
#include "gamut/models/mmdit/sd3_transformer.h"
#include "gamut/models/t5/t5_tower.h"
#include "gamut/models/vae/picture_coder.h"

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include <optional>

namespace gamut::models {
namespace {

constexpr int64_t kSd3Tokens = 256;  // of T5, as diffusers' pipeline

Sd3Config read_sd3_config(const ModelFolder& folder) {
  return parse_sd3_config(folder.json("transformer/config.json"),
                          (folder.path() / "transformer/config.json").string());
}

bool has_t5(const ModelFolder& folder) { return !folder.component_class("text_encoder_3").empty(); }

// CLIP's states side by side, padded with zeros to the transformer's width, then T5's, which are zeros where
// it is absent.
class Sd3Text : public TextStack {
 public:
  Sd3Text(ModelFolder& folder, const PartSource& source, int64_t width)
      : width_(width),
        clip_l_(folder, source, "tokenizer", "text_encoder"),
        clip_g_(folder, source, "tokenizer_2", "text_encoder_2") {
    if (has_t5(folder)) t5_.emplace(folder, source, "tokenizer_3", "text_encoder_3", kSd3Tokens);
  }

  TokenBatch tokenize(const std::vector<std::string>& prompts) const override {
    TokenBatch tokens{clip_l_.tokenize(prompts, cut_), clip_g_.tokenize(prompts, cut_)};
    if (t5_) tokens.push_back(t5_->tokenize(prompts, cut_));
    return tokens;
  }

  Conditioning encode(const TokenBatch& tokens) const override {
    const ClipTextOutput l = clip_l_(tokens.at(0)), g = clip_g_(tokens.at(1));
    const at::Tensor both = at::cat({l.penultimate, g.penultimate}, 2).to(at::kFloat);
    const at::Tensor clip = at::constant_pad_nd(both, {0, width_ - both.size(2)});
    const at::Tensor t5 = t5_ ? (*t5_)(tokens.at(2)).to(at::kFloat)
                              : at::zeros({clip.size(0), max_tokens_, width_}, clip.options());
    return {
        {{"hidden", at::cat({clip, t5}, 1)}, {"pooled", at::cat({l.pooled, g.pooled}, 1).to(at::kFloat)}}};
  }

  std::vector<NamedStore> stores() override {
    std::vector<NamedStore> all{clip_l_.store(), clip_g_.store()};
    if (t5_) all.push_back(t5_->store());
    return all;
  }

  // Without T5 its place is as long, and zero.
  void set_max_tokens(int64_t tokens, const std::string& name) override {
    check_t5_tokens(tokens, name);
    max_tokens_ = tokens;
    if (t5_) t5_->set_max_tokens(tokens);
  }

  void check_widths(const ModelFolder& folder, const Sd3Config& config) const {
    const std::string file = (folder.path() / "transformer/config.json").string();
    const int64_t states = clip_l_.config().hidden_size + clip_g_.config().hidden_size;
    if (states > config.text_width || (t5_ && t5_->width() != config.text_width))
      throw DataError(file, cat("joint_attention_dim must be T5's width and hold both CLIP states; got ",
                                config.text_width, "; expected ",
                                t5_ ? cat("T5's ", t5_->width(), " and ") : "", "at least ", states));
    const int64_t pooled = clip_l_.config().projection_dim + clip_g_.config().projection_dim;
    if (pooled != config.pooled_width)
      throw DataError(file, cat("pooled_projection_dim must be the sum of both CLIP projections; got ",
                                config.pooled_width, "; expected ", pooled));
  }

 private:
  int64_t width_, max_tokens_ = kSd3Tokens;
  ClipTower clip_l_, clip_g_;
  std::optional<T5Tower> t5_;
  CutPrompts cut_{true};
};

class Sd3Denoiser : public TransformerDenoiser<Sd3Transformer> {
 public:
  using TransformerDenoiser::TransformerDenoiser;
  at::Tensor predict(const at::Tensor& x, const at::Tensor& model_time,
                     const Conditioning& cond) const override {
    return network_(x, model_time,
                    {.hidden = cond.hidden().to(dtype_), .pooled = cond.part("pooled").to(dtype_)});
  }
};

void check_sd3(const ModelFolder& folder) {
  expect_class(folder, "transformer", {"SD3Transformer2DModel"});
  expect_class(folder, "text_encoder", {"CLIPTextModelWithProjection"});
  expect_class(folder, "text_encoder_2", {"CLIPTextModelWithProjection"});
  expect_class(folder, "text_encoder_3", {"T5EncoderModel", ""});
}

LatentSpec sd3_latents(const ModelFolder& folder) {
  const Sd3Config config = read_sd3_config(folder);
  return {.channels = config.in_channels,
          .height = config.sample_size,
          .width = config.sample_size,
          .patch = config.patch_size};
}

std::unique_ptr<TextStack> open_sd3_text(ModelFolder& folder, const PartSource& source) {
  const Sd3Config config = read_sd3_config(folder);
  check_latent_channels(folder, config.in_channels);
  auto text = std::make_unique<Sd3Text>(folder, source, config.text_width);
  text->check_widths(folder, config);
  return text;
}

std::unique_ptr<Denoiser> open_sd3_denoiser(const ModelFolder& folder, const PartSource& source) {
  return std::make_unique<Sd3Denoiser>(folder, source, read_sd3_config(folder));
}

}  // namespace

ModelFamily stable_diffusion_3() {
  return {.pipeline_class = "StableDiffusion3Pipeline",
          .models = "Stable Diffusion 3 and 3.5",
          .denoiser = "transformer",
          .check = check_sd3,
          .latents = sd3_latents,
          .open_text = open_sd3_text,
          .open_denoiser = open_sd3_denoiser};
}

}  // namespace gamut::models
