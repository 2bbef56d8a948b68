// SPDX-License-Identifier: Apache-2.0
#include "gamut/tasks/glyphs/face_classifier.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/models/reader/reader_net.h"
#include "gamut/nn/device.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

namespace gamut::glyphs {
namespace {

constexpr int64_t kBatch = 64;

std::vector<int64_t> values_of(const at::Tensor& classes) {
  const at::Tensor on_cpu = classes.to(at::kCPU, at::kLong).contiguous();
  return {on_cpu.data_ptr<int64_t>(), on_cpu.data_ptr<int64_t>() + on_cpu.numel()};
}

class FaceClassifier : public eval::PictureClassifier {
 public:
  FaceClassifier(models::Reader reader, at::Tensor styles_K)
      : reader_(std::move(reader)), styles_K_(std::move(styles_K)) {}

  eval::PictureClasses classify(const at::Tensor& pictures) override {
    const int64_t size = reader_.config().image_size;
    if (pictures.dim() != 4 || pictures.size(2) != size || pictures.size(3) != size)
      throw ConfigError(
          "eval", cat("the classifier of eval.classes_model takes pictures of ", size, "x", size, "; got ",
                      pictures.sizes(), "; leave classes_model out for this model"));
    const at::NoGradGuard no_grad;
    std::vector<at::Tensor> parts;
    for (const at::Tensor& part : pictures.split(kBatch)) parts.push_back(probabilities(part));
    const at::Tensor faces_BK = at::cat(parts);
    return {{"face", values_of(faces_BK.argmax(1))},
            {"style", values_of(style_probabilities(faces_BK, styles_K_).argmax(1))}};
  }

 private:
  // Filled up to one size, since kernels may sum in another order for another.
  at::Tensor probabilities(const at::Tensor& pictures) {
    const int64_t count = pictures.size(0);
    at::Tensor batch = pictures.to(reader_.device(), at::kFloat).clamp(0, 1);
    if (count < kBatch) batch = at::constant_pad_nd(batch, {0, 0, 0, 0, 0, 0, 0, kBatch - count});
    return reader_.net().logits(batch).narrow(0, 0, count).to(at::kCPU, at::kDouble).softmax(1);
  }

  models::Reader reader_;
  at::Tensor styles_K_;
};

}  // namespace

at::Tensor styles_of(const std::vector<std::string>& faces) {
  std::vector<std::string> names;
  std::vector<int64_t> styles;
  for (const std::string& face : faces) {
    const size_t slash = face.find('/');
    if (slash == std::string::npos || slash == 0)
      throw DataError("classifier", cat("a face is named \"style/file\"; got '", printable(face, 80), "'"));
    const std::string style = face.substr(0, slash);
    const auto found = std::find(names.begin(), names.end(), style);
    styles.push_back(found - names.begin());
    if (found == names.end()) names.push_back(style);
  }
  return at::tensor(styles, at::kLong);
}

at::Tensor style_probabilities(const at::Tensor& faces_BK, const at::Tensor& styles_K) {
  const int64_t count = styles_K.max().item<int64_t>() + 1;
  return at::zeros({faces_BK.size(0), count}, faces_BK.options()).index_add(1, styles_K, faces_BK);
}

std::unique_ptr<eval::PictureClassifier> open_face_classifier(const std::string& folder,
                                                              const std::string& device) {
  models::Reader reader = models::Reader::open(folder, {.device = nn::open_device(device)});
  if (reader.config().classes.empty())
    throw DataError("classifier", cat("eval.classes_model must tell faces apart; got '", folder,
                                      "', a reader of characters; expected models/glyphs-faces"));
  at::Tensor styles_K = styles_of(reader.config().classes);
  return std::make_unique<FaceClassifier>(std::move(reader), std::move(styles_K));
}

}  // namespace gamut::glyphs
