// SPDX-License-Identifier: Apache-2.0
#include "gamut/rewards/brisque_model.h"

#include "gamut/core/error.h"
#include "gamut/nn/params.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <fstream>

namespace gamut::rewards {
namespace {

constexpr int64_t kFeatures = 36;

// What OpenCV publishes, and what gamut read before.
void refuse_yaml(const std::filesystem::path& file) {
  std::string start(5, '\0');
  std::ifstream(file, std::ios::binary).read(start.data(), std::streamsize(start.size()));
  if (start == "%YAML")
    throw DataError(
        file.string(),
        "the regression must be one safetensors file; got YAML, as OpenCV publishes it; run python3 "
        "scripts/convert_brisque.py MODEL.yml RANGE.yml brisque.safetensors once");
}

struct Parts {
  nn::TensorMap tensors;
  std::string file;

  // A size of -1: any, but not none.
  at::Tensor at(const std::string& name, const std::vector<int64_t>& shape) const {
    const auto found = tensors.find(name);
    if (found == tensors.end())
      throw DataError(file, cat("tensor '", name,
                                "' is missing; expected range, support_vectors, weights, gamma and rho, as "
                                "scripts/convert_brisque.py writes them"));
    const at::Tensor& tensor = found->second;
    bool fits = tensor.dim() == int64_t(shape.size()) && tensor.numel() > 0;
    for (size_t d = 0; fits && d < shape.size(); ++d)
      fits = shape[d] < 0 || tensor.size(int64_t(d)) == shape[d];
    if (!fits)
      throw DataError(file, cat("tensor '", name, "' has the wrong shape; got ", tensor.sizes(),
                                "; expected ", at::IntArrayRef(shape),
                                shape[0] < 0 ? ", where -1 is the number of support vectors" : ""));
    nn::check_weight(tensor, file, name);
    return tensor.to(at::kDouble).contiguous();
  }
};

std::array<double, kFeatures> row_of(const at::Tensor& rows, int64_t row) {
  std::array<double, kFeatures> out{};
  std::copy_n(rows.const_data_ptr<double>() + row * kFeatures, kFeatures, out.begin());
  return out;
}

}  // namespace

BrisqueModel::BrisqueModel(const std::filesystem::path& path) {
  refuse_yaml(path);
  const Parts parts{nn::load_safetensors(path), path.string()};
  const at::Tensor range = parts.at("range", {2, kFeatures});
  least_ = row_of(range, 0);
  largest_ = row_of(range, 1);
  for (size_t i = 0; i < size_t(kFeatures); ++i)
    if (least_[i] >= largest_[i])
      throw DataError(parts.file, cat("the smallest value of feature ", i, " must be below its largest; got ",
                                      least_[i], " and ", largest_[i]));
  const at::Tensor vectors = parts.at("support_vectors", {-1, kFeatures});
  for (int64_t i = 0; i < vectors.size(0); ++i) vectors_.push_back(row_of(vectors, i));
  const at::Tensor weights = parts.at("weights", {vectors.size(0)});
  weights_.assign(weights.const_data_ptr<double>(), weights.const_data_ptr<double>() + weights.numel());
  rho_ = parts.at("rho", {1}).item<double>();
  gamma_ = parts.at("gamma", {1}).item<double>();
  if (gamma_ <= 0) throw DataError(parts.file, cat("'gamma' must be above 0; got ", gamma_));
}

double BrisqueModel::score(const BrisqueFeatures& features) const {
  std::array<double, kFeatures> scaled{};
  for (size_t i = 0; i < scaled.size(); ++i)
    scaled[i] = -1 + 2 * (double(features.values[i]) - least_[i]) / (largest_[i] - least_[i]);
  double sum = -rho_;
  for (size_t v = 0; v < vectors_.size(); ++v) {
    double distance = 0;
    for (size_t i = 0; i < scaled.size(); ++i)
      distance += (vectors_[v][i] - scaled[i]) * (vectors_[v][i] - scaled[i]);
    sum += weights_[v] * std::exp(-gamma_ * distance);
  }
  return std::clamp(sum, 0.0, 100.0);
}

}  // namespace gamut::rewards
