// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/reader/reader_net.h"

#include "gamut/core/error.h"
#include "gamut/core/program.h"
#include "gamut/io/files.h"
#include "gamut/models/json_config.h"

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cctype>

namespace gamut::models {
namespace {

constexpr size_t kNumBlocks = 5;
constexpr int64_t kGrid = 4;           // cells per side that the head sees
constexpr double kNormEpsilon = 1e-5;  // PyTorch's defaults
constexpr double kNormMomentum = 0.1;
// Max-pooling by two before the block.
constexpr std::array<bool, kNumBlocks> kPoolBefore = {false, true, false, true, false};
constexpr const char* kClassName = "GlyphReader";
constexpr const char* kWeightsFile = "model.safetensors";

ReaderConfig read_config(const std::filesystem::path& path) {
  ReaderConfig config;
  JsonConfig json(io::read_json(path), path.string());
  json.only("_class_name", kClassName);
  config.characters = json.string("characters", "");
  config.classes = json.strings("classes", {});
  config.channels = json.integers("channels", config.channels);
  config.image_size = json.positive("image_size", config.image_size);
  json.finish();
  if (config.characters.empty() == config.classes.empty())
    json.fail("characters", "at least one character, or \"classes\"");
  if (config.image_size % 16 != 0) json.fail("image_size", "a multiple of 16");
  const auto wrong = [](int64_t channels) { return channels < 1 || channels > 4096; };
  if (config.channels.size() != kNumBlocks || std::ranges::any_of(config.channels, wrong))
    json.fail("channels", cat(kNumBlocks, " numbers of 1..4096"));
  return config;
}

}  // namespace

int64_t ReaderConfig::class_of(const std::string& text) const {
  if (text.size() != 1) return -1;
  const auto upper = [](char c) { return std::toupper(static_cast<unsigned char>(c)); };
  for (size_t i = 0; i < characters.size(); ++i)
    if (upper(characters[i]) == upper(text[0])) return int64_t(i);
  return -1;
}

ReaderNet::ReaderNet(const ReaderConfig& config, const nn::Scope& scope) {
  GAMUT_CHECK(config.channels.size() == kNumBlocks);
  int64_t in = 3;
  for (size_t i = 0; i < kNumBlocks; ++i) {
    const int64_t out = config.channels[i];
    const nn::Scope conv = scope["conv" + std::to_string(i + 1)],
                    norm = scope["norm" + std::to_string(i + 1)];
    blocks_.push_back({conv.get("weight", {out, in, 3, 3}, nn::Init::uniform_fan_in(in * 9)),
                       norm.get("weight", {out}, nn::Init::ones()),
                       norm.get("bias", {out}, nn::Init::zeros()),
                       norm.get("running_mean", {out}, nn::Init::zeros()),
                       norm.get("running_var", {out}, nn::Init::ones())});
    in = out;
  }
  const int64_t features = in * kGrid * kGrid, classes = config.class_count();
  head_weight_ = scope["head"].get("weight", {classes, features}, nn::Init::uniform_fan_in(features));
  head_bias_ = scope["head"].get("bias", {classes}, nn::Init::uniform_fan_in(features));
}

Tensor ReaderNet::forward(const Tensor& pictures, Statistics statistics) const {
  const bool training = statistics == Statistics::kBatch;
  Tensor x = (pictures * 2 - 1).contiguous(at::MemoryFormat::ChannelsLast);
  for (size_t i = 0; i < kNumBlocks; ++i) {
    const Block& block = blocks_[i];
    if (kPoolBefore[i]) x = at::max_pool2d(x, {2, 2});
    x = at::conv2d(x, block.weight, {}, /*stride=*/1, /*padding=*/1);
    x = at::relu(at::batch_norm(x, block.scale, block.shift, block.running_mean, block.running_var, training,
                                kNormMomentum, kNormEpsilon, /*cudnn_enabled=*/true));
  }
  x = at::adaptive_avg_pool2d(x, {kGrid, kGrid});
  return at::linear(x.contiguous().flatten(1), head_weight_, head_bias_);
}

Tensor ReaderNet::logits(const Tensor& pictures) const { return forward(pictures, Statistics::kRunning); }

Tensor ReaderNet::training_logits(const Tensor& pictures) { return forward(pictures, Statistics::kBatch); }

Reader::Reader(ReaderConfig config, nn::ParamStore store, const nn::ParamOptions& options)
    : config_(std::move(config)), options_(options), store_(std::move(store)) {
  net_ = std::make_unique<ReaderNet>(config_, nn::Scope(store_));
}

Reader Reader::open(const std::filesystem::path& folder, const nn::ParamOptions& options) {
  if (!std::filesystem::is_directory(folder))
    throw EnvironmentError(
        "reader", cat("the reader's folder must exist; got '", folder.string(),
                      "'; train one with: ", program_name(), " pretrain RECIPE, of task = \"reader\""));
  ReaderConfig config = read_config(folder / "config.json");
  Reader reader(std::move(config),
                nn::ParamStore::from_tensors(nn::load_safetensors(folder / kWeightsFile), "reader", options),
                options);
  reader.store_.finish();
  return reader;
}

Reader Reader::create(const ReaderConfig& config, uint64_t seed, const nn::ParamOptions& options) {
  return Reader(config, nn::ParamStore::from_seed(seed, options), options);
}

std::vector<nn::NamedTensor> Reader::trainable() const {
  std::vector<nn::NamedTensor> tensors = store_.params();
  std::erase_if(tensors,
                [](const nn::NamedTensor& p) { return p.name.find(".running_") != std::string::npos; });
  return tensors;
}

void Reader::save(const std::filesystem::path& folder) const {
  std::filesystem::create_directories(folder);
  nn::save_safetensors(folder / kWeightsFile, store_.params(), {{"format", "pt"}});
  nlohmann::json config{
      {"_class_name", kClassName}, {"channels", config_.channels}, {"image_size", config_.image_size}};
  if (config_.classes.empty())
    config["characters"] = config_.characters;
  else
    config["classes"] = config_.classes;
  io::write_json(folder / "config.json", config);
}

}  // namespace gamut::models
