// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/vae/picture_coder.h"

#include "gamut/core/error.h"

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

namespace gamut::models {

CoderShape coder_shape(const ModelFolder& folder) {
  const std::string class_name = folder.component_class("vae"), relative = "vae/config.json";
  const std::string file = (folder.path() / relative).string();
  if (class_name == "SpaceToDepth") {
    const int64_t side = parse_space_to_depth(folder.json(relative), file).block_size;
    return {.factor = side, .channels = 3 * side * side};
  }
  if (class_name != "AutoencoderKL") return {};
  const AutoencoderConfig config = parse_autoencoder_config(folder.json(relative), file);
  return {.factor = config.factor(), .channels = config.latent_channels};
}

PictureCoder::PictureCoder(const ModelFolder& folder, const PartSource& source)
    : class_name_(folder.component_class("vae")), dtype_(source.params.dtype) {
  const std::string relative = "vae/config.json", file = (folder.path() / relative).string();
  if (class_name_ == "SpaceToDepth") coder_ = parse_space_to_depth(folder.json(relative), file);
  if (class_name_ != "AutoencoderKL") return;
  const AutoencoderConfig config = parse_autoencoder_config(folder.json(relative), file);
  store_ = source.seed
               ? nn::ParamStore::from_seed(*source.seed, source.params)
               : nn::ParamStore::from_tensors(
                     with_new_names(folder.load_weights("vae", "diffusion_pytorch_model", source.variant)),
                     "vae", source.params);
  coder_.emplace<AutoencoderKL>(config, nn::Scope(store_));
  store_.finish();
}

void PictureCoder::refuse() const {
  throw EnvironmentError("model",
                         cat("pictures need a vae of class AutoencoderKL or SpaceToDepth; got ",
                             class_name_.empty() ? "a model without vae" : cat("'", class_name_, "'"),
                             "; latents can still be sampled and saved"));
}

at::Tensor PictureCoder::decode(const at::Tensor& latents, const AutoencoderOptions& options) const {
  if (const auto* blocks = std::get_if<SpaceToDepth>(&coder_)) return blocks->decode(latents.to(at::kFloat));
  const auto* vae = std::get_if<AutoencoderKL>(&coder_);
  if (!vae) refuse();
  const at::Tensor pictures = vae->decode(latents.to(dtype_), options).to(at::kFloat);
  return (pictures / 2 + 0.5).clamp(0.0, 1.0);
}

at::Tensor PictureCoder::encode(const at::Tensor& pictures, const AutoencoderOptions& options) const {
  if (const auto* blocks = std::get_if<SpaceToDepth>(&coder_)) return blocks->encode(pictures);
  const auto* vae = std::get_if<AutoencoderKL>(&coder_);
  if (!vae) refuse();
  return vae->encode((pictures * 2 - 1).to(dtype_), options).to(at::kFloat);
}

}  // namespace gamut::models
