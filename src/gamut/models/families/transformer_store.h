// SPDX-License-Identifier: Apache-2.0
// What the families with a transformer share.
#pragma once

#include "gamut/models/denoiser.h"
#include "gamut/models/model_folder.h"
#include "gamut/models/part_source.h"

namespace gamut::models {

// The weights in transformer/, or drawn ones.
nn::ParamStore transformer_store(const ModelFolder& folder, const PartSource& source);

// The weights and the network on them; a family adds predict().
template <class Network>
class TransformerDenoiser : public Denoiser {
 public:
  template <class Config>
  TransformerDenoiser(const ModelFolder& folder, const PartSource& source, const Config& config)
      : store_(transformer_store(folder, source)),
        dtype_(source.params.dtype),
        network_(config, nn::Scope(store_)) {
    store_.finish();
  }
  nn::ParamStore& params() override { return store_; }
  void recompute_in_backward(bool on) override { network_.recompute_in_backward(on); }

 protected:
  nn::ParamStore store_;
  at::ScalarType dtype_;
  Network network_;
};

// DataError unless the vae's latents have so many channels, as far as its class is known.
void check_latent_channels(const ModelFolder& folder, int64_t channels);

}  // namespace gamut::models
