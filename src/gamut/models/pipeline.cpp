// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/pipeline.h"

#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/models/model_folder.h"
#include "gamut/models/vae/space_to_depth.h"
#include "gamut/nn/memory.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <nlohmann/json.hpp>

#include <mutex>
#include <set>

namespace gamut::models {

struct Pipeline::Parts {
  Parts(ModelFolder model_folder, const nn::ParamOptions& param_options, std::optional<uint64_t> seed);

  ModelFolder folder;
  nn::ParamOptions options;
  SchedulerConfig scheduler;
  text::ClipTokenizer tokenizer;
  nn::ParamStore unet_store, text_store;
  std::optional<UNet2DCondition> unet;
  std::optional<ClipTextModel> text_encoder;
  std::string vae_class;
  std::optional<SpaceToDepth> coder;
  std::mutex warned_mutex;
  std::set<std::string> warned;  // prompts already named as too long

 private:
  void open_unet(std::optional<uint64_t> seed);
  void open_text_encoder(std::optional<uint64_t> seed);
  void adopt_vocabulary();
};

namespace {

void expect_class(const ModelFolder& folder, const std::string& component, const std::string& expected) {
  const std::string got = folder.component_class(component);
  if (got != expected) {
    throw DataError(
        (folder.path() / "model_index.json").string(),
        cat("component '", component, "' must be a ", expected, "; got ",
            got.empty() ? "nothing" : cat("'", got, "'"), "; this kind of model is not supported"));
  }
}

// Enough of a long prompt to know it by, cut between characters of UTF-8.
std::string opening(const std::string& prompt) {
  size_t end = std::min<size_t>(prompt.size(), 80);
  while (end < prompt.size() && (uint8_t(prompt[end]) & 0xC0) == 0x80) {
    --end;
  }
  return end < prompt.size() ? prompt.substr(0, end) + "…" : prompt;
}

text::ClipTokenizer load_tokenizer(const ModelFolder& folder) {
  if (!std::filesystem::is_directory(folder.path() / "tokenizer")) {
    throw EnvironmentError("model", cat("folder '", (folder.path() / "tokenizer").string(),
                                        "' does not exist; is the model folder complete?"));
  }
  return text::ClipTokenizer::load(folder.path() / "tokenizer");
}

}  // namespace

Pipeline::Parts::Parts(ModelFolder model_folder, const nn::ParamOptions& param_options,
                       std::optional<uint64_t> seed)
    : folder(std::move(model_folder)),
      options(param_options),
      scheduler(load_scheduler_config(folder.path() / "scheduler")),
      tokenizer(load_tokenizer(folder)) {
  if (options.device.is_cpu()) {
    nn::keep_freed_memory();
  }
  expect_class(folder, "unet", "UNet2DConditionModel");
  expect_class(folder, "text_encoder", "CLIPTextModel");
  open_text_encoder(seed);
  open_unet(seed);
  vae_class = folder.component_class("vae");
  if (vae_class == "SpaceToDepth") {
    coder =
        parse_space_to_depth(folder.json("vae/config.json"), (folder.path() / "vae/config.json").string());
  }
}

void Pipeline::Parts::open_unet(std::optional<uint64_t> seed) {
  const UNetConfig config =
      parse_unet_config(folder.json("unet/config.json"), (folder.path() / "unet/config.json").string());
  unet_store = seed ? nn::ParamStore::from_seed(*seed, options)
                    : nn::ParamStore::from_tensors(folder.load_weights("unet", "diffusion_pytorch_model"),
                                                   "unet", options);
  unet.emplace(config, nn::Scope(unet_store));
  unet_store.finish();
  for (const int64_t width : config.cross_attention_dim) {
    if (width != text_encoder->config().hidden_size) {
      throw DataError((folder.path() / "unet/config.json").string(),
                      cat("cross_attention_dim must be the text encoder's hidden_size; got ", width,
                          "; expected ", text_encoder->config().hidden_size));
    }
  }
}

// A model made from scratch has the vocabulary of its tokenizer, whatever its config said.
void Pipeline::Parts::adopt_vocabulary() {
  nlohmann::json json = folder.json("text_encoder/config.json");
  json["vocab_size"] = tokenizer.vocabulary_size();
  json["bos_token_id"] = tokenizer.start_id();
  json["eos_token_id"] = tokenizer.end_id();
  json["pad_token_id"] = tokenizer.pad_id();
  folder.replace("text_encoder/config.json", json.dump(2) + "\n");
}

void Pipeline::Parts::open_text_encoder(std::optional<uint64_t> seed) {
  if (seed) {
    adopt_vocabulary();
  }
  const std::string file = (folder.path() / "text_encoder/config.json").string();
  const ClipTextConfig config = parse_clip_text_config(folder.json("text_encoder/config.json"), file);
  std::string prefix = "text_model";
  if (seed) {
    text_store = nn::ParamStore::from_seed(*seed, options);
  } else {
    nn::TensorMap tensors = folder.load_weights("text_encoder", "model");
    prefix = ClipTextModel::name_prefix(tensors);
    text_store = nn::ParamStore::from_tensors(std::move(tensors), "text_encoder", options);
  }
  text_encoder.emplace(config, nn::Scope(text_store, prefix));
  text_store.finish({"embeddings.position_ids"});
  if (tokenizer.vocabulary_size() > config.vocab_size) {
    throw DataError(file, cat("vocab_size must cover the tokenizer; got ", config.vocab_size,
                              "; expected at least ", tokenizer.vocabulary_size()));
  }
}

Pipeline Pipeline::open(const std::filesystem::path& folder, const nn::ParamOptions& options) {
  Pipeline pipeline;
  pipeline.parts_ = std::make_shared<Parts>(ModelFolder(folder), options, std::nullopt);
  return pipeline;
}

Pipeline Pipeline::create(const std::filesystem::path& folder, uint64_t seed,
                          const nn::ParamOptions& options) {
  Pipeline pipeline;
  pipeline.parts_ = std::make_shared<Parts>(ModelFolder(folder), options, seed);
  return pipeline;
}

namespace {

void save_weights(const std::filesystem::path& path, const nn::ParamStore& store) {
  std::vector<nn::NamedTensor> tensors;
  for (const nn::NamedTensor& param : store.params()) {
    tensors.push_back({param.name, param.tensor.detach().to(at::kCPU, at::kFloat)});
  }
  // transformers reads a file only if it says which framework wrote it.
  nn::save_safetensors(path, tensors, {{"format", "pt"}});
}

}  // namespace

void Pipeline::save(const std::filesystem::path& folder) const {
  parts_->folder.save_rest(folder, {"unet", "text_encoder"});
  save_weights(folder / "unet" / "diffusion_pytorch_model.safetensors", parts_->unet_store);
  save_weights(folder / "text_encoder" / "model.safetensors", parts_->text_store);
}

Tensor Pipeline::tokenize(const std::vector<std::string>& prompts) const {
  const int64_t context =
      std::min(parts_->tokenizer.max_length(), parts_->text_encoder->config().max_positions);
  at::Tensor ids = at::empty({int64_t(prompts.size()), context}, at::kLong);
  int64_t* row = ids.mutable_data_ptr<int64_t>();
  for (const std::string& prompt : prompts) {
    const text::TokenIds tokens = parts_->tokenizer.encode(prompt, context);
    row = std::copy(tokens.ids.begin(), tokens.ids.end(), row);
    if (tokens.truncated) {
      const std::lock_guard lock(parts_->warned_mutex);
      if (parts_->warned.insert(prompt).second) {
        log_warning(cat("the prompt '", opening(prompt), "' is longer than the context of ", context,
                        " tokens; its end is cut off"));
      }
    }
  }
  return ids.to(parts_->options.device);
}

Conditioning Pipeline::encode_tokens(const Tensor& ids) const {
  return {(*parts_->text_encoder)(ids).last_hidden_state};
}

Conditioning Pipeline::encode(const std::vector<std::string>& prompts) const {
  at::NoGradGuard no_grad;
  return encode_tokens(tokenize(prompts));
}

Tensor Pipeline::predict(const Tensor& x, double model_time, const Conditioning& cond) const {
  return predict(x, at::full({1}, model_time, x.options().dtype(at::kFloat)), cond);
}

Tensor Pipeline::predict(const Tensor& x, const Tensor& model_time, const Conditioning& cond) const {
  return (*parts_->unet)(x, model_time, cond.hidden_BLD);
}

namespace {

const SpaceToDepth& need_coder(const std::optional<SpaceToDepth>& coder, const std::string& vae_class) {
  if (!coder) {
    throw EnvironmentError("model", cat("pictures need a vae of class SpaceToDepth; got ",
                                        vae_class.empty() ? "a model without vae" : cat("'", vae_class, "'"),
                                        "; latents can still be sampled and saved"));
  }
  return *coder;
}

}  // namespace

Tensor Pipeline::decode(const Tensor& latents) const {
  return need_coder(parts_->coder, parts_->vae_class).decode(latents);
}

Tensor Pipeline::encode_pictures(const Tensor& pictures) const {
  return need_coder(parts_->coder, parts_->vae_class).encode(pictures);
}

std::vector<int64_t> Pipeline::latent_shape() const {
  const UNetConfig& config = parts_->unet->config();
  return {config.in_channels, config.sample_height, config.sample_width};
}

const SchedulerConfig& Pipeline::scheduler() const { return parts_->scheduler; }
const text::ClipTokenizer& Pipeline::tokenizer() const { return parts_->tokenizer; }
const nn::ParamOptions& Pipeline::options() const { return parts_->options; }
nn::ParamStore& Pipeline::denoiser_params() { return parts_->unet_store; }
const nn::ParamStore& Pipeline::denoiser_params() const { return parts_->unet_store; }
nn::ParamStore& Pipeline::text_encoder_params() { return parts_->text_store; }

void Pipeline::add_lora(const nn::LoraFile& file, double scale) {
  std::vector<nn::LoraModule> denoiser, text;
  for (const nn::LoraModule& module : file.modules) {
    const bool first_text = module.component == "text_encoder";
    if (!first_text && module.component != denoiser_name())
      throw DataError(file.origin, cat("the adapter changes '", module.component, ".", module.path,
                                       "'; this model has unet and text_encoder; was it made for another model?"));
    (first_text ? text : denoiser).push_back(module);
  }
  nn::attach_modules(parts_->unet_store, denoiser, scale);
  nn::attach_modules(parts_->text_store, text, scale);
}

void Pipeline::merge_loras() {
  nn::merge_adapters(parts_->unet_store);
  nn::merge_adapters(parts_->text_store);
}

Conditioning Conditioning::repeat(int64_t times) const { return {hidden_BLD.repeat_interleave(times, 0)}; }

Conditioning Conditioning::rows(int64_t begin, int64_t count) const {
  return {hidden_BLD.narrow(0, begin, count)};
}

Conditioning Conditioning::select(const std::vector<int64_t>& rows) const {
  const Tensor index = at::tensor(rows, at::kLong).to(hidden_BLD.device());
  return {hidden_BLD.index_select(0, index)};
}

}  // namespace gamut::models
