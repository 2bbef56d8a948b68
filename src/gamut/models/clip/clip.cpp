// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/clip/clip.h"

#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/io/files.h"
#include "gamut/models/other_layouts.h"
#include "gamut/models/clip/open_clip_weights.h"
#include "gamut/nn/memory.h"
#include "gamut/nn/token_linear.h"
#include "gamut/text/clip_tokenizer.h"

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>
#include <optional>

namespace gamut::models {
namespace {

namespace fs = std::filesystem;

constexpr const char* kConfig = "config.json";
constexpr const char* kPreprocessor = "preprocessor_config.json";
constexpr const char* kWeights = "model.safetensors";
constexpr const char* kTokenizerFiles[] = {
    "vocab.json",       "merges.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
    "added_tokens.json"};

void expect_folder(const fs::path& folder) {
  if (fs::exists(folder / kConfig)) return;
  const std::string hint = hub_cache_hint(folder);
  throw EnvironmentError(
      "clip", cat("a CLIP model's folder must hold ", kConfig, "; got '", folder.string(), "'; ",
                  hint.empty() ? "name one in transformers' layout; docs/rewards.md says where from" : hint));
}

// The configs and the tokenizer's files, as bytes by their place in the folder.
std::map<std::string, std::string> read_small_files(const fs::path& folder) {
  std::map<std::string, std::string> files;
  std::vector<std::string> names = {kConfig, kPreprocessor};
  for (const char* name : kTokenizerFiles) {
    names.emplace_back(name);
    names.push_back(cat("tokenizer/", name));
  }
  for (const std::string& name : names)
    if (fs::exists(folder / name)) files[name] = io::read_text(folder / name);
  return files;
}

// Beside the configs as transformers writes it, or in a folder of its own as in diffusers' models.
text::ClipTokenizer load_tokenizer(const fs::path& folder) {
  return text::ClipTokenizer::load(fs::is_directory(folder / "tokenizer") ? folder / "tokenizer" : folder);
}

nn::TensorMap load_weights(const fs::path& folder) {
  for (const std::string suffix : {"", ".index.json"})
    if (const fs::path file = folder / (kWeights + suffix); fs::exists(file)) {
      nn::TensorMap tensors = nn::load_safetensors(file);
      return has_open_clip_names(tensors) ? from_open_clip_names(tensors, file.string()) : tensors;
    }
  throw EnvironmentError("clip",
                         cat("file '", (folder / kWeights).string(), "' does not exist; ",
                             fs::exists(folder / "pytorch_model.bin")
                                 ? "pickled weights (.bin) are never read: convert them to safetensors"
                                 : "is the model folder complete?"));
}

// A model made from scratch has the vocabulary of its tokenizer, whatever its config said.
nlohmann::json with_vocabulary(nlohmann::json config, const text::ClipTokenizer& tokenizer) {
  nlohmann::json& text = config["text_config"];
  text["vocab_size"] = tokenizer.vocabulary_size();
  text["bos_token_id"] = tokenizer.start_id();
  text["eos_token_id"] = tokenizer.end_id();
  text["pad_token_id"] = tokenizer.pad_id();
  return config;
}

Tensor projection(const nn::Scope& scope, int64_t in, int64_t out, double factor) {
  return scope.get("weight", {out, in}, nn::Init::normal(factor / std::sqrt(double(in))));
}

Tensor unit_length(const Tensor& x, const Tensor& weight) {
  const Tensor projected = nn::project(x, {weight, std::nullopt});
  return projected / projected.norm(2, -1, true);
}

}  // namespace

struct Clip::Parts {
  Parts(const fs::path& folder, const nn::ParamOptions& param_options, std::optional<uint64_t> seed);

  nn::ParamOptions options;
  std::map<std::string, std::string> files;
  text::ClipTokenizer tokenizer;
  ClipConfig config;
  std::optional<ClipImageProcessor> processor;
  nn::ParamStore store;
  std::optional<ClipTextModel> text;
  std::optional<ClipVisionModel> vision;
  Tensor text_projection, visual_projection, logit_scale;
  std::atomic<bool> has_warned = false;

 private:
  void read_configs(const fs::path& folder, bool is_new);
  void declare();
};

Clip::Parts::Parts(const fs::path& folder, const nn::ParamOptions& param_options,
                   std::optional<uint64_t> seed)
    : options(param_options),
      files((expect_folder(folder), read_small_files(folder))),
      tokenizer(load_tokenizer(folder)) {
  if (options.device.is_cpu()) nn::keep_freed_memory();
  read_configs(folder, seed.has_value());
  store = seed ? nn::ParamStore::from_seed(*seed, options)
               : nn::ParamStore::from_tensors(load_weights(folder), "clip", options);
  declare();
  store.finish({"embeddings.position_ids"});
  if (seed) logit_scale.fill_(config.logit_scale_init_value);
}

void Clip::Parts::read_configs(const fs::path& folder, bool is_new) {
  const std::string file = (folder / kConfig).string(), preprocessor = (folder / kPreprocessor).string();
  if (is_new)
    files[kConfig] = with_vocabulary(io::parse_json(files.at(kConfig), file), tokenizer).dump(2) + "\n";
  config = parse_clip_config(io::parse_json(files.at(kConfig), file), file);
  if (tokenizer.vocabulary_size() > config.text.vocab_size)
    throw DataError(file, cat("vocab_size must cover the tokenizer; got ", config.text.vocab_size,
                              "; expected at least ", tokenizer.vocabulary_size()));
  if (tokenizer.vocabulary_size() < config.text.vocab_size)
    log_warning(cat("'", folder.string(), "' has ", tokenizer.vocabulary_size(), " tokens and ",
                    config.text.vocab_size,
                    " embeddings: no text reaches the others; is a file with added tokens missing?"));
  if (!files.contains(kPreprocessor))
    throw EnvironmentError("clip",
                           cat("file '", preprocessor, "' does not exist; is the model folder complete?"));
  const ClipImageProcessorConfig pixels =
      parse_clip_image_processor(io::parse_json(files.at(kPreprocessor), preprocessor), preprocessor);
  const int64_t size = config.vision.image_size;
  if (pixels.do_center_crop && (pixels.crop_height != size || pixels.crop_width != size))
    throw DataError(preprocessor,
                    cat("crop_size must be the vision tower's image_size; got ", pixels.crop_height, "x",
                        pixels.crop_width, "; expected ", size, "x", size));
  processor.emplace(pixels);
}

void Clip::Parts::declare() {
  const nn::Scope root(store);
  text.emplace(config.text, root["text_model"]);
  vision.emplace(config.vision, root["vision_model"]);
  text_projection = projection(root["text_projection"], config.text.hidden_size, config.projection_dim,
                               config.initializer_factor);
  visual_projection = projection(root["visual_projection"], config.vision.hidden_size, config.projection_dim,
                                 config.initializer_factor);
  logit_scale = root.get("logit_scale", {}, nn::Init::zeros());
}

Clip Clip::open(const fs::path& folder, const nn::ParamOptions& options) {
  Clip clip;
  clip.parts_ = std::make_shared<Parts>(folder, options, std::nullopt);
  return clip;
}

Clip Clip::create(const fs::path& config_folder, uint64_t seed, const nn::ParamOptions& options) {
  Clip clip;
  clip.parts_ = std::make_shared<Parts>(config_folder, options, seed);
  return clip;
}

void Clip::save(const fs::path& folder) const {
  fs::create_directories(folder);
  for (const auto& [name, bytes] : parts_->files) {
    fs::create_directories((folder / name).parent_path());
    io::write_atomically(folder / name, bytes);
  }
  std::vector<nn::NamedTensor> tensors;
  for (const nn::NamedTensor& param : parts_->store.params())
    tensors.push_back({param.name, param.tensor.detach().to(at::kCPU, at::kFloat)});
  // transformers reads a file only if it says which framework wrote it.
  nn::save_safetensors(folder / kWeights, tensors, {{"format", "pt"}});
}

Tensor Clip::image_embeddings(const Tensor& pixels) const {
  return unit_length((*parts_->vision)(pixels), parts_->visual_projection);
}

Tensor Clip::text_embeddings(const Tensor& ids) const {
  return unit_length((*parts_->text)(ids).pooled, parts_->text_projection);
}

Tensor Clip::preprocess(const Tensor& pictures) const {
  return (*parts_->processor)(pictures.to(parts_->options.device));
}

Tensor Clip::tokenize(const std::vector<std::string>& texts) const {
  const int64_t context = std::min(parts_->tokenizer.max_length(), parts_->config.text.max_positions);
  const Tensor ids = at::empty({int64_t(texts.size()), context}, at::kLong);
  int64_t* row = ids.mutable_data_ptr<int64_t>();
  for (const std::string& text : texts) {
    const text::TokenIds tokens = parts_->tokenizer.encode(text, context);
    row = std::copy(tokens.ids.begin(), tokens.ids.end(), row);
    if (tokens.truncated && !parts_->has_warned.exchange(true))
      log_warning(
          cat("CLIP sees the first ", context, " tokens of a text; the rest of longer ones is cut off"));
  }
  return ids.to(parts_->options.device);
}

Tensor Clip::logit_scale() const { return parts_->logit_scale; }
const ClipConfig& Clip::config() const { return parts_->config; }
nn::ParamStore& Clip::params() { return parts_->store; }
const nn::ParamOptions& Clip::options() const { return parts_->options; }

}  // namespace gamut::models
