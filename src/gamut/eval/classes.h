// SPDX-License-Identifier: Apache-2.0
// Which of a task's known kinds a picture belongs to, said by a classifier that nothing trains on: the ground
// of measures that count modes. A task brings the classifier.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace gamut::eval {

// Kind of class ("face", "style") -> the class of each picture.
using PictureClasses = std::map<std::string, std::vector<int64_t>>;

class PictureClassifier {
 public:
  virtual ~PictureClassifier() = default;
  // pictures [B, 3, H, W] in [0, 1], on any device; independent of the batch. ConfigError for pictures of
  // another size.
  virtual PictureClasses classify(const at::Tensor& pictures) = 0;
};

// A task registers how its classifier is opened; once.
using OpenClassifier =
    std::function<std::unique_ptr<PictureClassifier>(const std::string& folder, const std::string& device)>;
void set_classifier(OpenClassifier open);

// `folder`: eval.classes_model; "" gives nullptr. Errors are the opener's.
std::unique_ptr<PictureClassifier> make_classifier(const std::string& folder, const std::string& device);

// exp(entropy) of the classes, 1 … their number; 0 without any.
double effective_classes(const std::vector<int64_t>& classes);

}  // namespace gamut::eval
