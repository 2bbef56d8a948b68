// SPDX-License-Identifier: Apache-2.0
// The reader: a small convolutional classifier that says which character a 32x32 picture shows.
//
//   Reader reader = Reader::open(folder, {});
//   Tensor logits = reader.net().logits(pictures);     // [B, 33]
//
// Five 3x3 convolutions, each followed by batch normalization and ReLU, at 32, 16, 16, 8 and 8 pixels
// (max-pooling in between, average-pooling to 4x4 after the last), then one linear layer. Its folder:
//   config.json         {"_class_name": "GlyphReader", "characters": "0123…", "channels": […], "image_size":
//   32} model.safetensors   conv1.weight, norm1.{weight, bias, running_mean, running_var}, …, head.{weight,
//   bias}
// The same network tells other classes apart where its config lists "classes" in place of "characters".
#pragma once

#include "gamut/nn/params.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace gamut::models {

using at::Tensor;

struct ReaderConfig {
  std::string characters = "";            // one class per byte, in label order
  std::vector<std::string> classes = {};  // or these, by name
  std::vector<int64_t> channels = {16, 48, 64, 96, 96};
  int64_t image_size = 32;  // width and height; a multiple of 16
  // Class of `text`, if it is one of the characters in either case; else -1.
  int64_t class_of(const std::string& text) const;
  int64_t class_count() const { return int64_t(classes.empty() ? characters.size() : classes.size()); }
};

class ReaderNet {
 public:
  ReaderNet(const ReaderConfig& config, const nn::Scope& scope);
  // pictures [B, 3, S, S] in [0, 1] -> [B, classes], with the running statistics.
  Tensor logits(const Tensor& pictures) const;
  // The same with the statistics of this batch, which also move the running ones by a tenth; B >= 2.
  Tensor training_logits(const Tensor& pictures);

 private:
  enum class Statistics { kRunning, kBatch };
  Tensor forward(const Tensor& pictures, Statistics statistics) const;
  struct Block {
    Tensor weight, scale, shift, running_mean, running_var;
  };
  std::vector<Block> blocks_;
  Tensor head_weight_, head_bias_;
};

// Config, tensors and network together.
class Reader {
 public:
  // EnvironmentError: missing folder or file; DataError: malformed config, weights that do not match.
  static Reader open(const std::filesystem::path& folder, const nn::ParamOptions& options);
  // Fresh weights drawn from `seed`.
  static Reader create(const ReaderConfig& config, uint64_t seed, const nn::ParamOptions& options);
  void save(const std::filesystem::path& folder) const;
  // What an optimizer changes: everything but the running statistics.
  std::vector<nn::NamedTensor> trainable() const;

  const ReaderConfig& config() const { return config_; }
  ReaderNet& net() { return *net_; }
  at::Device device() const { return options_.device; }

 private:
  Reader(ReaderConfig config, nn::ParamStore store, const nn::ParamOptions& options);
  ReaderConfig config_;
  nn::ParamOptions options_;
  nn::ParamStore store_;
  std::unique_ptr<ReaderNet> net_;
};

}  // namespace gamut::models
