// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/vit/vit.h"

#include "gamut/core/error.h"
#include "gamut/io/files.h"
#include "gamut/models/clip/clip_image_processor.h"
#include "gamut/nn/attention.h"
#include "gamut/nn/layers.h"
#include "gamut/nn/memory.h"
#include "gamut/nn/token_linear.h"

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include <optional>
#include <vector>

namespace gamut::models {
namespace {

namespace fs = std::filesystem;

// What the two models call the same thing.
struct VitNames {
  const char *norm1, *norm2, *up, *down;
};
constexpr VitNames kVitNames{"layernorm_before", "layernorm_after", "intermediate.dense", "output.dense"};
constexpr VitNames kDinov2Names{"norm1", "norm2", "mlp.fc1", "mlp.fc2"};
constexpr VitNames kSwigluNames{"norm1", "norm2", "mlp.weights_in", "mlp.weights_out"};

const VitNames& names_of(const VitConfig& config) {
  return config.swiglu ? kSwigluNames : config.dinov2 ? kDinov2Names : kVitNames;
}

nlohmann::json vit_json(const fs::path& folder, const char* name) {
  if (!fs::exists(folder / name))
    throw EnvironmentError("vit", cat("a ViT's folder must hold ", name, "; got '", folder.string(),
                                      "'; name one in transformers' layout"));
  return io::read_json(folder / name);
}

// ViT's image processor makes a square of the named side, bilinear where it does not say, and crops nothing.
ClipImageProcessorConfig processor_config(nlohmann::json pixels, bool dinov2, const std::string& file) {
  constexpr int kBilinear = 2, kBicubic = 3;  // PIL's numbers
  if (!dinov2 && !pixels.contains("do_center_crop")) pixels["do_center_crop"] = false;
  if (!dinov2 && pixels.contains("size") && pixels["size"].is_number_integer())
    pixels["size"] = {{"height", pixels["size"]}, {"width", pixels["size"]}};
  const bool bilinear = pixels.value("resample", nlohmann::json(dinov2 ? kBicubic : kBilinear)) == kBilinear;
  if (bilinear) pixels["resample"] = kBicubic;
  ClipImageProcessorConfig config = parse_clip_image_processor(pixels, file);
  config.bilinear = bilinear;
  return config;
}

// Classifiers keep the encoder below a name of their own; their heads are left out.
nn::TensorMap vit_weights(const fs::path& folder) {
  for (const char* name : {"model.safetensors", "model.safetensors.index.json"}) {
    if (!fs::exists(folder / name)) continue;
    nn::TensorMap tensors = nn::load_safetensors(folder / name), bare;
    for (auto& [key, tensor] : tensors) {
      if (key.starts_with("classifier.") || key.starts_with("pooler.") || key.starts_with("vit.pooler."))
        continue;
      const size_t prefix = key.starts_with("vit.") ? 4 : key.starts_with("dinov2.") ? 7 : 0;
      bare.emplace(key.substr(prefix), std::move(tensor));
    }
    return bare;
  }
  throw EnvironmentError("vit", cat("file '", (folder / "model.safetensors").string(), "' does not exist; ",
                                    fs::exists(folder / "pytorch_model.bin")
                                        ? "pickled weights (.bin) are never read: convert them to safetensors"
                                        : "is the model folder complete?"));
}

struct VitLayer {
  VitLayer(const nn::Scope& scope, const VitConfig& config)
      : norm1(scope[names_of(config).norm1], config.hidden_size, config.layer_norm_eps),
        norm2(scope[names_of(config).norm2], config.hidden_size, config.layer_norm_eps),
        q(scope["attention"]["attention"]["query"], config.hidden_size, config.hidden_size, config.qkv_bias),
        k(scope["attention"]["attention"]["key"], config.hidden_size, config.hidden_size, config.qkv_bias),
        v(scope["attention"]["attention"]["value"], config.hidden_size, config.hidden_size, config.qkv_bias),
        out(scope["attention"]["output"]["dense"], config.hidden_size, config.hidden_size),
        up(scope[names_of(config).up], config.hidden_size,
           config.intermediate_size * (config.swiglu ? 2 : 1)),
        down(scope[names_of(config).down], config.intermediate_size, config.hidden_size),
        heads(config.heads),
        swiglu(config.swiglu) {
    if (!config.dinov2) return;
    scale1 = scope["layer_scale1"].get("lambda1", {config.hidden_size}, nn::Init::ones());
    scale2 = scope["layer_scale2"].get("lambda1", {config.hidden_size}, nn::Init::ones());
  }

  at::Tensor mlp(const at::Tensor& x) const {
    const at::Tensor inner = up(x);
    if (!swiglu) return down(at::gelu(inner));
    const std::vector<at::Tensor> halves = inner.chunk(2, -1);
    return down(at::silu(halves[0]) * halves[1]);
  }

  at::Tensor operator()(const at::Tensor& input) const {
    const auto scaled = [](const at::Tensor& x, const at::Tensor& scale) {
      return scale.defined() ? x * scale : x;
    };
    const at::Tensor normed = norm1(input);
    const at::Tensor mixed = out(nn::attend(q(normed), k(normed), v(normed), heads, /*causal=*/false));
    const at::Tensor x = input + scaled(mixed, scale1);
    return x + scaled(mlp(norm2(x)), scale2);
  }

  nn::LayerNorm norm1, norm2;
  nn::Linear q, k, v, out, up, down;
  at::Tensor scale1, scale2;  // undefined in ViTModel
  int64_t heads;
  bool swiglu;
};

}  // namespace

struct Vit::Parts {
  Parts(const fs::path& folder, const nn::ParamOptions& where)
      : options(where),
        config(parse_vit_config(vit_json(folder, "config.json"), (folder / "config.json").string())),
        processor(processor_config(vit_json(folder, kPreprocessor), config.dinov2,
                                   (folder / kPreprocessor).string())),
        store(nn::ParamStore::from_tensors(vit_weights(folder), "vit", where)) {
    if (where.device.is_cpu()) nn::keep_freed_memory();
    const nn::Scope root(store), embeddings = root["embeddings"];
    class_token = embeddings.get("cls_token", {1, 1, config.hidden_size}, nn::Init::zeros());
    positions =
        embeddings.get("position_embeddings", {1, config.grid() * config.grid() + 1, config.hidden_size},
                       nn::Init::normal(0.02));
    const nn::Scope projection = embeddings["patch_embeddings"]["projection"];
    patch_weight = projection.get("weight", {config.hidden_size, 3, config.patch_size, config.patch_size},
                                  nn::Init::normal(0.02));
    patch_bias = projection.get("bias", {config.hidden_size}, nn::Init::zeros());
    for (int64_t i = 0; i < config.layers; ++i) layers.emplace_back(root["encoder"]["layer"][i], config);
    last_norm.emplace(root["layernorm"], config.hidden_size, config.layer_norm_eps);
    store.finish({"embeddings.mask_token"});
  }

  // For a grid of rows x columns patches: as stored, or the stored ones resampled in fp32.
  at::Tensor positions_for(int64_t rows, int64_t columns) const {
    const int64_t grid = config.grid();
    if (rows == grid && columns == grid) return positions;
    const at::Tensor patches =
        positions.narrow(1, 1, grid * grid).view({1, grid, grid, -1}).permute({0, 3, 1, 2});
    const at::Tensor resampled =
        at::upsample_bicubic2d(patches.to(at::kFloat).contiguous(), {rows, columns}, /*align_corners=*/false);
    const at::Tensor tokens = resampled.permute({0, 2, 3, 1}).flatten(1, 2).to(positions.scalar_type());
    return at::cat({positions.narrow(1, 0, 1), tokens}, 1);
  }

  static constexpr const char* kPreprocessor = "preprocessor_config.json";
  nn::ParamOptions options;
  VitConfig config;
  ClipImageProcessor processor;
  nn::ParamStore store;
  at::Tensor class_token, positions, patch_weight, patch_bias;
  std::vector<VitLayer> layers;
  std::optional<nn::LayerNorm> last_norm;
};

Vit Vit::open(const fs::path& folder, const nn::ParamOptions& options) {
  Vit vit;
  vit.parts_ = std::make_shared<Parts>(folder, options);
  return vit;
}

at::Tensor Vit::class_states(const at::Tensor& pixels) const {
  const Parts& parts = *parts_;
  const int64_t side = parts.config.patch_size, size = parts.config.image_size;
  GAMUT_CHECK(pixels.dim() == 4 && pixels.size(1) == 3, "pixels are ", pixels.sizes());
  const bool fits = parts.config.dinov2 ? pixels.size(2) >= side && pixels.size(3) >= side
                                        : pixels.size(2) == size && pixels.size(3) == size;
  if (!fits)
    throw DataError(
        "vit", cat("the image processor's pictures must be of the model's size; got ", pixels.size(2), "x",
                   pixels.size(3), "; expected ", size, "x", size, "; see size in preprocessor_config.json"));
  // A convolution whose stride is its size: every patch by itself through one matrix.
  const int64_t rows = pixels.size(2) / side, columns = pixels.size(3) / side;
  const at::Tensor patches = pixels.to(parts.patch_weight.options())
                                 .narrow(2, 0, rows * side)
                                 .narrow(3, 0, columns * side)
                                 .unflatten(3, at::IntArrayRef{columns, side})
                                 .unflatten(2, at::IntArrayRef{rows, side})
                                 .permute({0, 2, 4, 1, 3, 5})
                                 .flatten(3)
                                 .flatten(1, 2)
                                 .contiguous();
  const at::Tensor embedded =
      nn::project(patches, {parts.patch_weight.flatten(1).contiguous(), parts.patch_bias});
  const at::Tensor first = parts.class_token.expand({pixels.size(0), 1, parts.config.hidden_size});
  at::Tensor x = at::cat({first, embedded}, 1) + parts.positions_for(rows, columns);
  for (const VitLayer& layer : parts.layers) x = layer(x);
  return (*parts.last_norm)(x.select(1, 0));
}

at::Tensor Vit::preprocess(const at::Tensor& pictures) const {
  return parts_->processor(pictures.to(parts_->options.device));
}

const VitConfig& Vit::config() const { return parts_->config; }
const nn::ParamOptions& Vit::options() const { return parts_->options; }

}  // namespace gamut::models
