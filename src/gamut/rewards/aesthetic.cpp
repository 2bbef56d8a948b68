// SPDX-License-Identifier: Apache-2.0
#include "gamut/rewards/aesthetic.h"

#include "gamut/core/error.h"
#include "gamut/rewards/clip_pictures.h"
#include "gamut/rewards/pictures.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

namespace gamut::rewards {
namespace {

using at::Tensor;

// Names of the published head; the numbers between were dropout.
constexpr int kLayers[] = {0, 2, 4, 6, 7};

struct LinearLayer {
  Tensor weight, bias;  // double, on the CPU
};

// Takes tensor `name` out of the file's map.
Tensor take(nn::TensorMap& tensors, const std::string& name, int64_t dims, const std::string& file) {
  const auto found = tensors.find(name);
  if (found == tensors.end())
    throw DataError(
        file, cat("an aesthetic head holds layers.{0,2,4,6,7}.weight and .bias; '", name, "' is missing"));
  nn::check_floating(found->second, file, name);
  const Tensor tensor = found->second.to(at::kDouble);
  tensors.erase(found);
  if (tensor.dim() != dims || !tensor.isfinite().all().item<bool>())
    throw DataError(file, cat("tensor '", name, "' must be ", dims, "-dimensional and finite; got shape ",
                              tensor.sizes()));
  return tensor;
}

std::vector<LinearLayer> load_head(const std::filesystem::path& path, int64_t width) {
  const std::string file = path.string();
  nn::TensorMap tensors = nn::load_safetensors(path);
  std::vector<LinearLayer> layers;
  for (const int index : kLayers) {
    const std::string name = cat("layers.", index);
    const LinearLayer layer{take(tensors, name + ".weight", 2, file), take(tensors, name + ".bias", 1, file)};
    if (layer.weight.size(1) != width || layer.bias.size(0) != layer.weight.size(0))
      throw DataError(
          file, cat("tensor '", name, ".weight' must take ", width, " numbers, as many as ",
                    layers.empty() ? "the CLIP's embedding has" : "the layer before gives", "; got shape ",
                    layer.weight.sizes(), " with ", layer.bias.size(0), " biases"));
    width = layer.weight.size(0);
    layers.push_back(layer);
  }
  if (width != 1) throw DataError(file, cat("the last layer must give one number; got ", width));
  if (!tensors.empty())
    throw DataError(file,
                    cat("unknown tensor '", tensors.begin()->first, "'; an aesthetic head has five layers"));
  return layers;
}

class Aesthetic : public Reward {
 public:
  Aesthetic(ClipPictures clip, std::vector<LinearLayer> head)
      : clip_(std::move(clip)), head_(std::move(head)) {}

  std::string name() const override { return "aesthetic"; }

  Scores score(const Tensor& pictures, std::span<const text::Prompt> prompts) override {
    const at::NoGradGuard no_grad;
    Scores scores = start_scores(pictures, prompts);
    const Tensor embeddings = clip_.embed(pictures).to(at::kDouble);
    for (size_t i = 0; i < prompts.size(); ++i) {
      if (!scores.failure[i].empty()) continue;
      // Row by row: a score does not depend on the batch.
      Tensor x = embeddings[int64_t(i)];
      for (const LinearLayer& layer : head_) x = layer.weight.mv(x) + layer.bias;
      scores.value[i] = x.item<double>();
    }
    return scores;
  }

 private:
  ClipPictures clip_;
  std::vector<LinearLayer> head_;
};

}  // namespace

std::unique_ptr<Reward> make_aesthetic(const std::string& clip, const std::filesystem::path& head,
                                       const Compute& compute) {
  const ClipPictures opened(clip, compute);
  return std::make_unique<Aesthetic>(opened, load_head(head, opened.clip().config().projection_dim));
}

}  // namespace gamut::rewards
