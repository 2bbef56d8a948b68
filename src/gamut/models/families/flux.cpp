// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/families/flux.h"

#include "gamut/core/error.h"
#include "gamut/models/clip/clip_tower.h"
#include "gamut/models/families/transformer_store.h"
#include "gamut/models/flux/flux_transformer.h"
#include "gamut/models/t5/t5_tower.h"

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

namespace gamut::models {
namespace {

constexpr int64_t kFluxTokens = 512,
                  kFluxSide = 128;  // of T5; of the latents, whatever the config: diffusers' pipeline

FluxConfig read_flux_config(const ModelFolder& folder) {
  return parse_flux_config(folder.json("transformer/config.json"),
                           (folder.path() / "transformer/config.json").string());
}

// Of CLIP only the pooled state is told, of T5 every token.
class FluxText : public TextStack {
 public:
  FluxText(ModelFolder& folder, const PartSource& source)
      : clip_(folder, source, "tokenizer", "text_encoder"),
        t5_(folder, source, "tokenizer_2", "text_encoder_2", kFluxTokens) {}

  TokenBatch tokenize(const std::vector<std::string>& prompts) const override {
    return {clip_.tokenize(prompts, cut_), t5_.tokenize(prompts, cut_)};
  }
  Conditioning encode(const TokenBatch& tokens) const override {
    return {{{"hidden", t5_(tokens.at(1)).to(at::kFloat)},
             {"pooled", clip_(tokens.at(0)).pooled.to(at::kFloat)}}};
  }
  std::vector<NamedStore> stores() override { return {clip_.store(), t5_.store()}; }
  void set_max_tokens(int64_t tokens, const std::string& name) override {
    check_t5_tokens(tokens, name);
    t5_.set_max_tokens(tokens);
  }

  void check_widths(const ModelFolder& folder, const FluxConfig& config) const {
    const std::string file = (folder.path() / "transformer/config.json").string();
    if (t5_.width() != config.text_width)
      throw DataError(file, cat("joint_attention_dim must be T5's width; got ", config.text_width,
                                "; expected ", t5_.width()));
    if (clip_.config().hidden_size != config.pooled_width)
      throw DataError(file, cat("pooled_projection_dim must be CLIP's hidden_size; got ", config.pooled_width,
                                "; expected ", clip_.config().hidden_size));
  }

 private:
  ClipTower clip_;
  T5Tower t5_;
  CutPrompts cut_{true};
};

class FluxDenoiser : public TransformerDenoiser<FluxTransformer> {
 public:
  using TransformerDenoiser::TransformerDenoiser;
  // The network is told sigma itself.
  at::Tensor predict(const at::Tensor& x, const at::Tensor& model_time,
                     const Conditioning& cond) const override {
    return network_(x, model_time.to(at::kFloat) / 1000,
                    {.hidden = cond.hidden().to(dtype_),
                     .pooled = cond.part("pooled").to(dtype_),
                     .guidance = takes_guidance() ? cond.part("guidance") : at::Tensor()});
  }
  bool takes_guidance() const override { return network_.config().guidance; }
};

void check_flux(const ModelFolder& folder) {
  expect_class(folder, "transformer", {"FluxTransformer2DModel"});
  expect_class(folder, "text_encoder", {"CLIPTextModel"});
  expect_class(folder, "text_encoder_2", {"T5EncoderModel"});
}

std::unique_ptr<TextStack> open_flux_text(ModelFolder& folder, const PartSource& source) {
  const FluxConfig config = read_flux_config(folder);
  check_latent_channels(folder, config.latent_channels());
  auto text = std::make_unique<FluxText>(folder, source);
  text->check_widths(folder, config);
  return text;
}

std::unique_ptr<Denoiser> open_flux_denoiser(const ModelFolder& folder, const PartSource& source) {
  return std::make_unique<FluxDenoiser>(folder, source, read_flux_config(folder));
}

}  // namespace

ModelFamily flux() {
  return {.pipeline_class = "FluxPipeline",
          .models = "FLUX.1",
          .denoiser = "transformer",
          .check = check_flux,
          .latents =
              [](const ModelFolder& folder) {
                return LatentSpec{.channels = read_flux_config(folder).latent_channels(),
                                  .height = kFluxSide,
                                  .width = kFluxSide,
                                  .patch = 2};
              },
          .open_text = open_flux_text,
          .open_denoiser = open_flux_denoiser,
          .even_levels = true};
}

}  // namespace gamut::models
