// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/families/transformer_store.h"

#include "gamut/core/error.h"
#include "gamut/models/vae/picture_coder.h"

namespace gamut::models {

nn::ParamStore transformer_store(const ModelFolder& folder, const PartSource& source) {
  if (source.seed) return nn::ParamStore::from_seed(*source.seed, source.large());
  return nn::ParamStore::from_tensors(
      folder.load_weights("transformer", "diffusion_pytorch_model", source.variant), "transformer",
      source.large());
}

void check_latent_channels(const ModelFolder& folder, int64_t channels) {
  const int64_t latents = coder_shape(folder).channels;
  if (latents == 0 || latents == channels) return;
  throw DataError(
      (folder.path() / "transformer/config.json").string(),
      cat("in_channels must go with the vae's latent channels; got ", channels, " latent channels; expected ",
          latents, "; inpainting models and the like are not supported"));
}

}  // namespace gamut::models
