// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/pipeline.h"

#include "gamut/core/error.h"
#include "gamut/models/families/family.h"
#include "gamut/models/model_folder.h"
#include "gamut/models/sliced_predict.h"
#include "gamut/models/vae/picture_coder.h"
#include "gamut/nn/autocast.h"
#include "gamut/nn/memory.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

namespace gamut::models {

struct Pipeline::Parts {
  Parts(ModelFolder model_folder, PartSource from, bool text_first = false);

  ModelFolder folder;
  const ModelFamily& family;
  PartSource source;
  nn::ParamOptions options;
  SchedulerConfig scheduler;
  PictureCoder coder;
  AutoencoderOptions coding;
  LatentSpec own_latents, latents;  // as trained, as asked for
  std::unique_ptr<TextStack> text;  // none once dropped, or not opened
  std::unique_ptr<Denoiser> denoiser;
  bool changed_text = false;  // by an adapter
  // While the denoiser's weights are in their files, it stands on the meta device, and its adapters wait.
  using Loras = std::vector<std::pair<std::vector<nn::LoraModule>, double>>;
  std::optional<Loras> later;
  std::map<std::vector<std::string>, Conditioning> encoded;  // by list, as a batch's size may move a bit

  TextStack& encoders() const {
    GAMUT_CHECK(text, "the text encoders were dropped, or not opened");
    return *text;
  }
  Denoiser& loaded_denoiser();
  std::vector<NamedStore> components() const;
  // As they are in the folder, in main memory.
  std::unique_ptr<TextStack> stored_text();
};

namespace {

void attach(const std::vector<NamedStore>& components, const nn::LoraFile& file, double scale) {
  for (const nn::LoraModule& module : file.modules) {
    if (std::ranges::find(components, module.component, &NamedStore::component) != components.end()) continue;
    std::string names;
    for (const NamedStore& one : components) names += cat(names.empty() ? "" : " and ", one.component);
    throw DataError(file.origin, cat("the adapter changes '", module.component, ".", module.path,
                                     "'; this model has ", names, "; was it made for another model?"));
  }
  for (const NamedStore& one : components)
    nn::attach_modules(*one.store, nn::modules_of(file, one.component), scale);
}

PartSource part_source(nn::ParamOptions options, std::optional<uint64_t> seed, const std::string& variant) {
  const bool int8 = std::exchange(options.int8, false);
  return {.params = options, .seed = seed, .variant = variant, .int8 = int8};
}

const ModelFamily& checked_family(const ModelFolder& folder) {
  const ModelFamily& family = family_of(folder);
  family.check(folder);
  return family;
}

}  // namespace

Pipeline::Parts::Parts(ModelFolder model_folder, PartSource from, bool text_first)
    : folder(std::move(model_folder)),
      family(checked_family(folder)),
      source(std::move(from)),
      options(source.large()),
      scheduler(scheduler_of(folder)),
      coder(folder, source),
      own_latents(latent_spec(folder)),
      latents(own_latents) {
  if (options.device.is_cpu()) nn::keep_freed_memory();
  if (source.text) text = family.open_text(folder, source);
  PartSource now = source;
  if (text_first) {
    later.emplace();
    now.params.device = at::kMeta;
  }
  denoiser = family.open_denoiser(folder, now);
  if (options.int8 && denoiser->params().scales().empty())
    throw ConfigError(folder.path().string(),
                      "the denoiser has no linear layer that could be held in int8; open it without");
}

std::vector<NamedStore> Pipeline::Parts::components() const {
  std::vector<NamedStore> all{{family.denoiser, &denoiser->params()}};
  for (const NamedStore& encoder : encoders().stores()) all.push_back(encoder);
  return all;
}

Denoiser& Pipeline::Parts::loaded_denoiser() {
  if (!later) return *denoiser;
  std::unique_ptr<Denoiser> loaded = family.open_denoiser(folder, source);
  for (const auto& [modules, scale] : *later) nn::attach_modules(loaded->params(), modules, scale);
  denoiser = std::move(loaded);
  later.reset();
  return *denoiser;
}

std::unique_ptr<TextStack> Pipeline::Parts::stored_text() {
  GAMUT_CHECK(!source.seed && !changed_text, "text encoders that no file holds were dropped");
  PartSource stored = source;
  stored.params.device = at::kCPU;
  return family.open_text(folder, stored);
}

Pipeline Pipeline::open(const std::filesystem::path& folder, const nn::ParamOptions& options,
                        const std::string& variant) {
  Pipeline pipeline;
  pipeline.parts_ = std::make_shared<Parts>(ModelFolder(folder), part_source(options, {}, variant));
  return pipeline;
}

Pipeline Pipeline::open_text_first(const std::filesystem::path& folder, const nn::ParamOptions& options,
                                   const std::string& variant) {
  Pipeline pipeline;
  pipeline.parts_ = std::make_shared<Parts>(ModelFolder(folder), part_source(options, {}, variant),
                                            /*text_first=*/true);
  return pipeline;
}

Pipeline Pipeline::open_without_text(const std::filesystem::path& folder, const nn::ParamOptions& options) {
  PartSource source = part_source(options, {}, "");
  source.text = false;
  Pipeline pipeline;
  pipeline.parts_ = std::make_shared<Parts>(ModelFolder(folder), source);
  return pipeline;
}

Pipeline Pipeline::create(const std::filesystem::path& folder, uint64_t seed,
                          const nn::ParamOptions& options) {
  Pipeline pipeline;
  pipeline.parts_ = std::make_shared<Parts>(ModelFolder(folder), part_source(options, seed, ""));
  return pipeline;
}

namespace {

void save_weights(const std::filesystem::path& path, const nn::ParamStore& store) {
  std::vector<nn::NamedTensor> tensors;
  for (const nn::NamedTensor& param : store.params()) {
    tensors.push_back({param.name, param.tensor.detach()});
  }
  for (const nn::NamedTensor& table : store.buffers()) tensors.push_back(table);
  // transformers reads a file only if it says which framework wrote it.
  nn::save_safetensors(path, tensors, {{"format", "pt"}});
}

}  // namespace

void Pipeline::save(const std::filesystem::path& folder) const {
  if (parts_->options.int8)
    throw ConfigError("model",
                      "weights that are held in int8 cannot be saved as a model; open it without int8");
  const std::string& denoiser = denoiser_name();
  const std::unique_ptr<TextStack> dropped = parts_->text ? nullptr : parts_->stored_text();
  const std::vector<NamedStore> encoders = dropped ? dropped->stores() : text_encoders();
  std::vector<std::string> own{denoiser};
  for (const NamedStore& encoder : encoders) own.push_back(encoder.component);
  if (parts_->coder.has_weights()) own.push_back("vae");
  parts_->folder.save_rest(folder, own);
  if (parts_->coder.has_weights())
    save_weights(folder / "vae" / "diffusion_pytorch_model.safetensors", parts_->coder.params());
  save_weights(folder / denoiser / "diffusion_pytorch_model.safetensors", denoiser_params());
  for (const NamedStore& encoder : encoders)
    save_weights(folder / encoder.component / "model.safetensors", *encoder.store);
}

bool Pipeline::denoiser_is_stored() const {
  const nn::TensorMap stored =
      parts_->folder.load_weights(denoiser_name(), "diffusion_pytorch_model", parts_->source.variant);
  for (const nn::NamedTensor& param : denoiser_params().params()) {
    const auto found = stored.find(param.name);
    const Tensor now = param.tensor.detach().cpu();
    if (found == stored.end() || !at::equal(found->second.to(now.scalar_type()), now)) {
      return false;  // as a rule the first tensor
    }
  }
  return true;
}

TokenBatch Pipeline::tokenize(const std::vector<std::string>& prompts) const {
  return parts_->encoders().tokenize(prompts);
}

Conditioning Pipeline::encode_tokens(const TokenBatch& tokens) const {
  return parts_->encoders().encode(tokens);
}

Conditioning Pipeline::encode(const std::vector<std::string>& prompts) const {
  at::NoGradGuard no_grad;
  if (const auto kept = parts_->encoded.find(prompts); kept != parts_->encoded.end())
    return kept->second.to(parts_->options.device);
  return encode_tokens(tokenize(prompts));
}

void Pipeline::keep_encoded(const std::vector<std::string>& prompts) {
  Conditioning states = encode(prompts);
  if (!parts_->options.device.is_meta()) states = states.to(at::kCPU);
  parts_->encoded.insert_or_assign(prompts, std::move(states));
}

void Pipeline::drop_text_encoders() {
  parts_->text.reset();
  nn::give_freed_memory_back();
}

void Pipeline::set_max_tokens(int64_t tokens, const std::string& name) {
  parts_->encoders().set_max_tokens(tokens, name);
}

Tensor Pipeline::predict(const Tensor& x, double model_time, const Conditioning& cond) const {
  return predict(x, at::full({1}, model_time, x.options().dtype(at::kFloat)), cond);
}

Tensor Pipeline::predict(const Tensor& x, const Tensor& model_time, const Conditioning& cond) const {
  const nn::Autocast mixed({parts_->options.device.type(), parts_->options.mixed});
  return predict_by_threads(parts_->loaded_denoiser(), x.to(parts_->options.dtype), model_time, cond)
      .to(x.scalar_type());
}

Tensor Pipeline::decode(const Tensor& latents) const { return parts_->coder.decode(latents, parts_->coding); }

Tensor Pipeline::encode_pictures(const Tensor& pictures) const {
  return parts_->coder.encode(pictures, parts_->coding);
}

void Pipeline::set_gradient_checkpointing(bool on) { parts_->loaded_denoiser().recompute_in_backward(on); }

void Pipeline::set_coding(const AutoencoderOptions& options) { parts_->coding = options; }

int64_t Pipeline::picture_factor() const { return parts_->own_latents.factor; }

void Pipeline::set_picture_size(int64_t height, int64_t width) {
  parts_->latents = parts_->own_latents.sized(height, width);
}

std::vector<int64_t> Pipeline::latent_shape() const { return parts_->latents.shape(); }

bool Pipeline::takes_guidance() const { return parts_->denoiser->takes_guidance(); }

int64_t Pipeline::usual_batch() const {
  constexpr int64_t kSmall = 50'000'000, kMost = 64, kPixels = int64_t{4} * 64 * 64;
  if (denoiser_params().num_elements() < kSmall) return kMost;
  return std::clamp<int64_t>(kPixels / (parts_->latents.height * parts_->latents.width), 1, kMost);
}

const SchedulerConfig& Pipeline::scheduler() const { return parts_->scheduler; }
const nn::ParamOptions& Pipeline::options() const { return parts_->options; }
nn::ParamStore& Pipeline::denoiser_params() { return parts_->loaded_denoiser().params(); }
const nn::ParamStore& Pipeline::denoiser_params() const { return parts_->loaded_denoiser().params(); }
std::vector<NamedStore> Pipeline::text_encoders() const { return parts_->encoders().stores(); }
const nn::ParamStore& Pipeline::coder_params() const { return parts_->coder.params(); }
const std::string& Pipeline::denoiser_name() const { return parts_->family.denoiser; }

void Pipeline::add_lora(const nn::LoraFile& file, double scale) {
  attach(parts_->components(), file, scale);
  parts_->changed_text |= std::ranges::any_of(
      file.modules, [&](const nn::LoraModule& module) { return module.component != denoiser_name(); });
  if (parts_->later) parts_->later->emplace_back(nn::modules_of(file, denoiser_name()), scale);
}

void Pipeline::merge_loras() {
  nn::merge_adapters(denoiser_params());
  for (const NamedStore& encoder : text_encoders()) nn::merge_adapters(*encoder.store);
}

}  // namespace gamut::models
