// SPDX-License-Identifier: Apache-2.0
// A model folder in diffusers' layout, opened: prompts in, predictions and pictures out.
//
//   Pipeline pipe = Pipeline::open("models/glyphs", {});
//   Conditioning cond = pipe.encode({"the digit 7", "the letter K"});
//   Tensor v = pipe.predict(x_BCHW, /*model_time=*/1000 * sigma, cond);
//   Tensor pictures = pipe.decode(latents);             // [B, 3, H, W] in [0, 1]
#pragma once

#include "gamut/models/conditioning.h"
#include "gamut/models/denoiser.h"
#include "gamut/models/latent_spec.h"
#include "gamut/models/scheduler_config.h"
#include "gamut/models/text_stack.h"
#include "gamut/models/vae/autoencoder_kl.h"
#include "gamut/nn/lora.h"
#include "gamut/nn/params.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace gamut::models {

using at::Tensor;

class Pipeline {
 public:
  // EnvironmentError: missing folder or file; DataError: malformed config, weights that do not match, a class
  // that is not supported. `variant`: "fp16" prefers the weight files named so. options.int8: linear layers
  // of the denoiser and of T5 in int8; ConfigError for a denoiser without any.
  static Pipeline open(const std::filesystem::path& folder, const nn::ParamOptions& options,
                       const std::string& variant = "");
  // The same, but the denoiser's weights stay in their files until something asks for them, so that text
  // encoders can leave memory before these come. Names, shapes and sizes of the files are checked now.
  static Pipeline open_text_first(const std::filesystem::path& folder, const nn::ParamOptions& options,
                                  const std::string& variant = "");
  // open() without the text encoders, for a second denoiser beside another's: it takes that one's
  // conditioning, and can neither encode nor be given an adapter.
  static Pipeline open_without_text(const std::filesystem::path& folder, const nn::ParamOptions& options);
  // A new folder's configs with fresh weights drawn from `seed`, for pretraining.
  static Pipeline create(const std::filesystem::path& config_folder, uint64_t seed,
                         const nn::ParamOptions& options);
  // Text encoders that were dropped are read again from where the model was opened. ConfigError when held in
  // int8.
  void save(const std::filesystem::path& folder) const;
  // Whether the denoiser's weights are still those of the folder it was opened from.
  bool denoiser_is_stored() const;

  Conditioning encode(const std::vector<std::string>& prompts) const;  // without gradient
  // The two halves of encode(): token ids on the pipeline's device, and the text encoders on them,
  // differentiable when their parameters require a gradient.
  TokenBatch tokenize(const std::vector<std::string>& prompts) const;
  Conditioning encode_tokens(const TokenBatch& tokens) const;
  // Encodes a list now and keeps what came of it in main memory: encode() of the very same list returns it,
  // also when the text encoders are gone.
  void keep_encoded(const std::vector<std::string>& prompts);
  // Frees the text encoders; from now on prompts cannot be encoded.
  void drop_text_encoders();
  // Tokens that T5 reads of a prompt, instead of the family's usual number. ConfigError where there is no T5,
  // or for a number that it does not take; `name`: the key or flag.
  void set_max_tokens(int64_t tokens, const std::string& name);
  // x [B, C, H, W]; model_time as the network receives it (1000 sigma for flow models), one for all rows.
  // Computed in options().dtype, or by autocast where options().mixed is set; returned in x's.
  Tensor predict(const Tensor& x, double model_time, const Conditioning& cond) const;
  // model_time [B]: one per row (pretraining).
  Tensor predict(const Tensor& x, const Tensor& model_time, const Conditioning& cond) const;
  // To [B, 3, H, W] in [0, 1] fp32, a few pictures at a time.
  Tensor decode(const Tensor& latents) const;
  Tensor encode_pictures(const Tensor& pictures) const;  // [B, 3, H, W] in [0, 1] to latents
  void set_coding(const AutoencoderOptions& options);    // tiles and slices of the two above

  // Whether predict() with gradient keeps less of the denoiser's activations and computes them again
  // (nn/recompute.h).
  void set_gradient_checkpointing(bool on);

  // Size in pixels of the pictures that latent_shape() stands for; 0 keeps the side that the model was
  // trained on. ConfigError unless a multiple of what the model takes (LatentSpec::pixel_multiple).
  void set_picture_size(int64_t height, int64_t width);
  int64_t picture_factor() const;             // pixels per latent pixel
  std::vector<int64_t> latent_shape() const;  // of one picture: {C, H, W}
  // Whether predict() reads the strength of guidance from the conditioning's part "guidance" (FLUX.1-dev).
  bool takes_guidance() const;
  const SchedulerConfig& scheduler() const;
  const nn::ParamOptions& options() const;
  nn::ParamStore& denoiser_params();  // what RL trains
  const nn::ParamStore& denoiser_params() const;
  std::vector<NamedStore> text_encoders() const;
  const nn::ParamStore& coder_params() const;  // of the vae; empty where it has no weights
  // Pictures in one pass where nobody says how many: 64 of a small denoiser, of a large one (from 50 M
  // weights) as many as have the latent pixels of four of 64 x 64.
  int64_t usual_batch() const;
  const std::string& denoiser_name() const;  // its folder, and its prefix in LoRA files: unet | transformer

  // Adds a stored adapter, `scale` times its strength, to denoiser and text encoders; several add up.
  // DataError for a component or layer that this model lacks.
  void add_lora(const nn::LoraFile& file, double scale);
  void merge_loras();  // all of them, into the weights

 private:
  struct Parts;
  std::shared_ptr<Parts> parts_;
};

}  // namespace gamut::models
