// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/dreamsim/dreamsim.h"

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

fs::path dreamsim_file(const fs::path& folder, const char* name) {
  if (fs::exists(folder / name)) return folder / name;
  throw EnvironmentError("dreamsim",
                         cat("a DreamSim folder must hold ", name, "; got '", folder.string(),
                             "'; write one from the published files by scripts/convert_dreamsim.py"));
}

ClipImageProcessorConfig to_square(int64_t side) {
  ClipImageProcessorConfig config;
  config.do_center_crop = config.do_normalize = false;  // each branch normalizes by its own numbers
  config.shortest_edge = 0;
  config.height = config.width = side;
  return config;
}

struct DreamSimLayer {
  DreamSimLayer(const nn::Scope& scope, const DreamSimBranch& branch)
      : norm1(scope["norm1"], branch.hidden_size, branch.layer_norm_eps),
        norm2(scope["norm2"], branch.hidden_size, branch.layer_norm_eps),
        qkv(scope["attn"]["qkv"], branch.hidden_size, 3 * branch.hidden_size),
        out(scope["attn"]["proj"], branch.hidden_size, branch.hidden_size),
        up(scope["mlp"]["fc1"], branch.hidden_size, branch.intermediate_size),
        down(scope["mlp"]["fc2"], branch.intermediate_size, branch.hidden_size),
        heads(branch.heads),
        quick_gelu(branch.quick_gelu) {
    if (!branch.layer_scale) return;
    scale1 = scope["ls1"].get("gamma", {branch.hidden_size}, nn::Init::ones());
    scale2 = scope["ls2"].get("gamma", {branch.hidden_size}, nn::Init::ones());
  }

  at::Tensor operator()(const at::Tensor& input) const {
    const auto scaled = [](const at::Tensor& x, const at::Tensor& scale) {
      return scale.defined() ? x * scale : x;
    };
    const std::vector<at::Tensor> parts = qkv(norm1(input)).chunk(3, -1);
    const at::Tensor mixed =
        out(nn::attend(parts[0].contiguous(), parts[1].contiguous(), parts[2].contiguous(), heads));
    const at::Tensor x = input + scaled(mixed, scale1);
    const at::Tensor inner = up(norm2(x));
    const at::Tensor active = quick_gelu ? inner * at::sigmoid(1.702 * inner) : at::gelu(inner);
    return x + scaled(down(active), scale2);
  }

  nn::LayerNorm norm1, norm2;
  nn::Linear qkv, out, up, down;
  at::Tensor scale1, scale2;  // undefined but in DINOv2
  int64_t heads;
  bool quick_gelu;
};

struct DreamSimTower {
  DreamSimTower(const nn::Scope& scope, const DreamSimBranch& config, int64_t image_size)
      : branch(config), grid(image_size / config.patch_size) {
    const int64_t width = branch.hidden_size, side = branch.patch_size;
    class_token = scope.get("cls_token", {1, 1, width}, nn::Init::zeros());
    positions = scope.get("pos_embed", {1, grid * grid + 1, width}, nn::Init::normal(0.02));
    const nn::Scope patches = scope["patch_embed"]["proj"];
    patch_weight = patches.get("weight", {width, 3, side, side}, nn::Init::normal(0.02));
    patch_bias = patches.get("bias", {width}, nn::Init::zeros());
    if (branch.pre_norm) first_norm.emplace(scope["pos_drop"], width, branch.layer_norm_eps);
    for (int64_t i = 0; i < branch.layers; ++i) layers.emplace_back(scope["blocks"][i], branch);
    if (branch.projection_dim == 0) return;
    last_norm.emplace(scope["norm"], width, branch.layer_norm_eps);
    projection = scope.get("proj", {width, branch.projection_dim}, nn::Init::normal(0.02));
  }

  at::Tensor normalized(const at::Tensor& pixels) const {
    const auto column = [&](const std::array<double, 3>& values) {
      return at::tensor(at::ArrayRef<double>(values), pixels.options()).view({1, 3, 1, 1});
    };
    return pixels.sub(column(branch.mean)).div(column(branch.std));
  }

  at::Tensor operator()(const at::Tensor& pixels) const {
    // A convolution whose stride is its size: every patch by itself through one matrix.
    const at::Tensor patches = normalized(pixels)
                                   .to(patch_weight.options())
                                   .unflatten(3, at::IntArrayRef{grid, branch.patch_size})
                                   .unflatten(2, at::IntArrayRef{grid, branch.patch_size})
                                   .permute({0, 2, 4, 1, 3, 5})
                                   .flatten(3)
                                   .flatten(1, 2)
                                   .contiguous();
    const at::Tensor tokens = nn::project(patches, {patch_weight.flatten(1).contiguous(), patch_bias});
    at::Tensor x =
        at::cat({class_token.expand({pixels.size(0), 1, branch.hidden_size}), tokens}, 1) + positions;
    if (first_norm) x = (*first_norm)(x);
    for (const DreamSimLayer& layer : layers) x = layer(x);
    const at::Tensor first = x.select(1, 0);
    return last_norm ? nn::project((*last_norm)(first), {projection.t(), std::nullopt}) : first;
  }

  DreamSimBranch branch;
  int64_t grid;
  at::Tensor class_token, positions, patch_weight, patch_bias, projection;
  std::optional<nn::LayerNorm> first_norm, last_norm;
  std::vector<DreamSimLayer> layers;
};

}  // namespace

struct DreamSim::Parts {
  Parts(const fs::path& folder, const nn::ParamOptions& where)
      : options(where),
        config(parse_dreamsim_config(io::read_json(dreamsim_file(folder, "config.json")),
                                     (folder / "config.json").string())),
        square(to_square(config.image_size)),
        store(nn::ParamStore::from_tensors(nn::load_safetensors(dreamsim_file(folder, "model.safetensors")),
                                           "dreamsim", where)) {
    if (where.device.is_cpu()) nn::keep_freed_memory();
    const nn::Scope root(store);
    for (size_t i = 0; i < config.branches.size(); ++i) {
      towers.emplace_back(root["branches"][int64_t(i)], config.branches[i], config.image_size);
      width += config.branches[i].width();
    }
    store.finish({});
  }

  nn::ParamOptions options;
  DreamSimConfig config;
  ClipImageProcessor square;
  nn::ParamStore store;
  std::vector<DreamSimTower> towers;
  int64_t width = 0;
};

DreamSim DreamSim::open(const fs::path& folder, const nn::ParamOptions& options) {
  DreamSim model;
  model.parts_ = std::make_shared<Parts>(folder, options);
  return model;
}

at::Tensor DreamSim::embed(const at::Tensor& pixels) const {
  const int64_t side = parts_->config.image_size;
  GAMUT_CHECK(pixels.dim() == 4 && pixels.size(1) == 3 && pixels.size(2) == side && pixels.size(3) == side,
              "pixels are ", pixels.sizes(), "; the model sees ", side, "x", side);
  std::vector<at::Tensor> embeddings;
  for (const DreamSimTower& tower : parts_->towers) embeddings.push_back(tower(pixels).to(at::kFloat));
  const at::Tensor joined = at::cat(embeddings, 1);
  const at::Tensor centered = joined - joined.mean(1, /*keepdim=*/true);
  return centered / centered.norm(2, 1, /*keepdim=*/true);
}

at::Tensor DreamSim::preprocess(const at::Tensor& pictures) const {
  return parts_->square(pictures.to(parts_->options.device));
}

int64_t DreamSim::width() const { return parts_->width; }
const nn::ParamOptions& DreamSim::options() const { return parts_->options; }

}  // namespace gamut::models
