// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/clip/clip_tower.h"

#include "gamut/core/error.h"
#include "gamut/core/log.h"

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace gamut::models {
namespace {

text::ClipTokenizer load_clip_tokenizer(const ModelFolder& folder, const std::string& component) {
  if (!std::filesystem::is_directory(folder.path() / component)) {
    throw EnvironmentError("model", cat("folder '", (folder.path() / component).string(),
                                        "' does not exist; ", folder.if_incomplete()));
  }
  return text::ClipTokenizer::load(folder.path() / component);
}

}  // namespace

ClipTower::ClipTower(ModelFolder& folder, const PartSource& source, const std::string& tokenizer,
                     const std::string& encoder)
    : component_(encoder), device_(source.params.device), tokenizer_(load_clip_tokenizer(folder, tokenizer)) {
  if (source.seed) adopt_vocabulary(folder);
  const std::string file = (folder.path() / encoder / "config.json").string();
  config_ = parse_clip_text_config(folder.json(encoder + "/config.json"), file);
  const bool projects = folder.component_class(encoder) == "CLIPTextModelWithProjection";
  std::string prefix = "text_model";
  if (source.seed) {
    store_ = nn::ParamStore::from_seed(*source.seed, source.params);
  } else {
    nn::TensorMap tensors = folder.load_weights(encoder, "model", source.variant);
    prefix = ClipTextModel::name_prefix(tensors);
    store_ = nn::ParamStore::from_tensors(std::move(tensors), encoder, source.params);
  }
  if (projects)
    encoder_.emplace<ClipTextWithProjection>(config_, nn::Scope(store_));
  else
    encoder_.emplace<ClipTextModel>(config_, nn::Scope(store_, prefix));
  store_.finish({"embeddings.position_ids"});
  check_vocabulary(folder, tokenizer);
}

ClipTextOutput ClipTower::operator()(const at::Tensor& ids) const {
  if (const auto* projected = std::get_if<ClipTextWithProjection>(&encoder_)) return (*projected)(ids);
  return std::get<ClipTextModel>(encoder_)(ids);
}

void ClipTower::adopt_vocabulary(ModelFolder& folder) const {
  const std::string name = component_ + "/config.json";
  nlohmann::json json = folder.json(name);
  json["vocab_size"] = tokenizer_.vocabulary_size();
  json["bos_token_id"] = tokenizer_.start_id();
  json["eos_token_id"] = tokenizer_.end_id();
  json["pad_token_id"] = tokenizer_.pad_id();
  folder.replace(name, json.dump(2) + "\n");
}

void ClipTower::check_vocabulary(const ModelFolder& folder, const std::string& tokenizer) const {
  const int64_t tokens = tokenizer_.vocabulary_size(), embeddings = config().vocab_size;
  if (tokens > embeddings)
    throw DataError(
        (folder.path() / component_ / "config.json").string(),
        cat("vocab_size must cover the tokenizer; got ", embeddings, "; expected at least ", tokens));
  if (tokens < embeddings)
    log_warning(cat("'", (folder.path() / tokenizer).string(), "' has ", tokens,
                    " tokens and the text encoder ", embeddings,
                    " embeddings: no prompt reaches the others; is a file with added tokens missing?"));
}

int64_t ClipTower::context() const { return std::min(tokenizer_.max_length(), config().max_positions); }

at::Tensor ClipTower::tokenize(const std::vector<std::string>& prompts, const CutPrompts& cut) const {
  at::Tensor ids = at::empty({int64_t(prompts.size()), context()}, at::kLong);
  int64_t* row = ids.mutable_data_ptr<int64_t>();
  for (const std::string& prompt : prompts) {
    const text::TokenIds tokens = tokenizer_.encode(prompt, context());
    row = std::copy(tokens.ids.begin(), tokens.ids.end(), row);
    if (tokens.truncated)
      cut.warn(prompt, context(), "CLIP", [&](const std::string& beginning) {
        return !tokenizer_.encode(beginning, context()).truncated;
      });
  }
  return ids.to(device_);
}

}  // namespace gamut::models
