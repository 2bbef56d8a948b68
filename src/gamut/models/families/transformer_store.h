// SPDX-License-Identifier: Apache-2.0
// What the families with a transformer share.
#pragma once

#include "gamut/models/model_folder.h"
#include "gamut/models/part_source.h"

namespace gamut::models {

// The weights in transformer/, or drawn ones.
nn::ParamStore transformer_store(const ModelFolder& folder, const PartSource& source);
// DataError unless the vae's latents have so many channels, as far as its class is known.
void check_latent_channels(const ModelFolder& folder, int64_t channels);

}  // namespace gamut::models
