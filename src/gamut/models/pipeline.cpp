// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/pipeline.h"

#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/models/model_folder.h"
#include "gamut/models/vae/picture_coder.h"
#include "gamut/nn/autocast.h"
#include "gamut/nn/memory.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <nlohmann/json.hpp>

#include <mutex>
#include <set>

namespace gamut::models {

struct Pipeline::Parts {
  Parts(ModelFolder model_folder, const CoderSource& source);

  ModelFolder folder;
  std::string variant;
  nn::ParamOptions options;
  SchedulerConfig scheduler;
  text::ClipTokenizer tokenizer;
  nn::ParamStore unet_store, text_store;
  std::optional<UNet2DCondition> unet;
  std::optional<ClipTextModel> text_encoder;
  PictureCoder coder;
  AutoencoderOptions coding;
  int64_t latent_height = 0, latent_width = 0;
  std::mutex warned_mutex;
  std::set<std::string> warned;  // prompts already named as too long

 private:
  void open_unet(const CoderSource& source);
  void open_text_encoder(const CoderSource& source);
  void check_widths() const;
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

void expect_pipeline(const ModelFolder& folder) {
  const nlohmann::json index = folder.json("model_index.json");
  const nlohmann::json name = index.value("_class_name", nlohmann::json());
  if (!name.is_null() && name != "StableDiffusionPipeline") {
    throw DataError((folder.path() / "model_index.json").string(),
                    cat("a pipeline of this class is not supported; got ", name.dump(),
                        "; expected StableDiffusionPipeline (Stable Diffusion 1.x and 2.x, gamut's own bases)"));
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
                                        "' does not exist; ", folder.if_incomplete()));
  }
  return text::ClipTokenizer::load(folder.path() / "tokenizer");
}

// The classes before anything else: a folder of another kind lacks what is read next.
ModelFolder checked(ModelFolder folder) {
  expect_pipeline(folder);
  expect_class(folder, "unet", "UNet2DConditionModel");
  expect_class(folder, "text_encoder", "CLIPTextModel");
  return folder;
}

}  // namespace

Pipeline::Parts::Parts(ModelFolder model_folder, const CoderSource& source)
    : folder(checked(std::move(model_folder))),
      variant(source.variant),
      options(source.params),
      scheduler(load_scheduler_config(folder.path() / "scheduler")),
      tokenizer(load_tokenizer(folder)),
      coder(folder, source) {
  if (options.device.is_cpu()) {
    nn::keep_freed_memory();
  }
  open_text_encoder(source);
  open_unet(source);
  check_widths();
  latent_height = unet->config().sample_height;
  latent_width = unet->config().sample_width;
}

void Pipeline::Parts::open_unet(const CoderSource& source) {
  const UNetConfig config =
      parse_unet_config(folder.json("unet/config.json"), (folder.path() / "unet/config.json").string());
  unet_store = source.seed
                   ? nn::ParamStore::from_seed(*source.seed, options)
                   : nn::ParamStore::from_tensors(
                         folder.load_weights("unet", "diffusion_pytorch_model", source.variant), "unet", options);
  unet.emplace(config, nn::Scope(unet_store));
  unet_store.finish();
}

void Pipeline::Parts::check_widths() const {
  const UNetConfig& config = unet->config();
  const int64_t latents = coder.latent_channels();
  for (const int64_t channels : {config.in_channels, config.out_channels}) {
    if (latents > 0 && channels != latents) {
      throw DataError((folder.path() / "unet/config.json").string(),
                      cat("in_channels and out_channels must be the vae's latent channels; got ", channels,
                          "; expected ", latents, "; inpainting models and the like are not supported"));
    }
  }
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

void Pipeline::Parts::open_text_encoder(const CoderSource& source) {
  if (source.seed) {
    adopt_vocabulary();
  }
  const std::string file = (folder.path() / "text_encoder/config.json").string();
  const ClipTextConfig config = parse_clip_text_config(folder.json("text_encoder/config.json"), file);
  std::string prefix = "text_model";
  if (source.seed) {
    text_store = nn::ParamStore::from_seed(*source.seed, options);
  } else {
    nn::TensorMap tensors = folder.load_weights("text_encoder", "model", source.variant);
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

Pipeline Pipeline::open(const std::filesystem::path& folder, const nn::ParamOptions& options,
                        const std::string& variant) {
  Pipeline pipeline;
  pipeline.parts_ =
      std::make_shared<Parts>(ModelFolder(folder), CoderSource{.params = options, .seed = {}, .variant = variant});
  return pipeline;
}

Pipeline Pipeline::create(const std::filesystem::path& folder, uint64_t seed,
                          const nn::ParamOptions& options) {
  Pipeline pipeline;
  pipeline.parts_ =
      std::make_shared<Parts>(ModelFolder(folder), CoderSource{.params = options, .seed = seed, .variant = ""});
  return pipeline;
}

namespace {

void save_weights(const std::filesystem::path& path, const nn::ParamStore& store) {
  std::vector<nn::NamedTensor> tensors;
  for (const nn::NamedTensor& param : store.params()) {
    tensors.push_back({param.name, param.tensor.detach()});
  }
  // transformers reads a file only if it says which framework wrote it.
  nn::save_safetensors(path, tensors, {{"format", "pt"}});
}

}  // namespace

void Pipeline::save(const std::filesystem::path& folder) const {
  std::vector<std::string> own{"unet", "text_encoder"};
  if (parts_->coder.has_weights()) own.push_back("vae");
  parts_->folder.save_rest(folder, own);
  if (parts_->coder.has_weights()) {
    save_weights(folder / "vae" / "diffusion_pytorch_model.safetensors", parts_->coder.params());
  }
  save_weights(folder / "unet" / "diffusion_pytorch_model.safetensors", parts_->unet_store);
  save_weights(folder / "text_encoder" / "model.safetensors", parts_->text_store);
}

bool Pipeline::denoiser_is_stored() const {
  const nn::TensorMap stored = parts_->folder.load_weights("unet", "diffusion_pytorch_model", parts_->variant);
  for (const nn::NamedTensor& param : parts_->unet_store.params()) {
    const auto found = stored.find(param.name);
    const Tensor now = param.tensor.detach().cpu();
    if (found == stored.end() || !at::equal(found->second.to(now.scalar_type()), now)) {
      return false;  // as a rule the first tensor
    }
  }
  return true;
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
  return {(*parts_->text_encoder)(ids).last_hidden_state.to(at::kFloat)};
}

Conditioning Pipeline::encode(const std::vector<std::string>& prompts) const {
  at::NoGradGuard no_grad;
  return encode_tokens(tokenize(prompts));
}

Tensor Pipeline::predict(const Tensor& x, double model_time, const Conditioning& cond) const {
  return predict(x, at::full({1}, model_time, x.options().dtype(at::kFloat)), cond);
}

Tensor Pipeline::predict(const Tensor& x, const Tensor& model_time, const Conditioning& cond) const {
  const at::ScalarType dtype = parts_->options.dtype;
  const nn::Autocast mixed({parts_->options.device.type(), parts_->options.mixed});
  return (*parts_->unet)(x.to(dtype), model_time, cond.hidden_BLD.to(dtype)).to(x.scalar_type());
}

Tensor Pipeline::decode(const Tensor& latents) const { return parts_->coder.decode(latents, parts_->coding); }

Tensor Pipeline::encode_pictures(const Tensor& pictures) const {
  return parts_->coder.encode(pictures, parts_->coding);
}

void Pipeline::set_gradient_checkpointing(bool on) { parts_->unet->recompute_in_backward(on); }

void Pipeline::set_coding(const AutoencoderOptions& options) { parts_->coding = options; }

int64_t Pipeline::picture_factor() const { return parts_->coder.factor(); }

void Pipeline::set_picture_size(int64_t height, int64_t width) {
  const int64_t factor = picture_factor();
  for (const auto& [name, pixels] : {std::pair{"height", height}, std::pair{"width", width}}) {
    if (pixels < 0 || pixels % factor != 0) {
      throw ConfigError("model", cat("a picture's ", name, " must be a multiple of ", factor,
                                     ", the model's pixels per latent pixel; got ", pixels, "; the nearest is ",
                                     std::max(factor, (pixels + factor / 2) / factor * factor)));
    }
  }
  const UNetConfig& config = parts_->unet->config();
  parts_->latent_height = height == 0 ? config.sample_height : height / factor;
  parts_->latent_width = width == 0 ? config.sample_width : width / factor;
}

std::vector<int64_t> Pipeline::latent_shape() const {
  return {parts_->unet->config().in_channels, parts_->latent_height, parts_->latent_width};
}

int64_t Pipeline::usual_batch() const {
  constexpr int64_t kSmall = 50'000'000, kMost = 64, kPixels = 4 * 64 * 64;
  if (parts_->unet_store.num_elements() < kSmall) return kMost;
  return std::clamp<int64_t>(kPixels / (parts_->latent_height * parts_->latent_width), 1, kMost);
}

const SchedulerConfig& Pipeline::scheduler() const { return parts_->scheduler; }
const text::ClipTokenizer& Pipeline::tokenizer() const { return parts_->tokenizer; }
const nn::ParamOptions& Pipeline::options() const { return parts_->options; }
nn::ParamStore& Pipeline::denoiser_params() { return parts_->unet_store; }
const nn::ParamStore& Pipeline::denoiser_params() const { return parts_->unet_store; }
nn::ParamStore& Pipeline::text_encoder_params() { return parts_->text_store; }
const nn::ParamStore& Pipeline::coder_params() const { return parts_->coder.params(); }

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

}  // namespace gamut::models
