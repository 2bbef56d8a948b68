// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/t5/t5_tower.h"

#include "gamut/core/error.h"

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace gamut::models {
namespace {

constexpr int64_t kMostT5Tokens = 512;  // that it was trained on, and that the pipelines take

text::T5Tokenizer load_t5_tokenizer(const ModelFolder& folder, const std::string& component) {
  if (!std::filesystem::is_directory(folder.path() / component)) {
    throw EnvironmentError("model", cat("folder '", (folder.path() / component).string(),
                                        "' does not exist; ", folder.if_incomplete()));
  }
  return text::T5Tokenizer::load(folder.path() / component);
}

}  // namespace

T5Tower::T5Tower(const ModelFolder& folder, const PartSource& source, const std::string& tokenizer,
                 const std::string& encoder, int64_t max_tokens)
    : component_(encoder),
      device_(source.params.device),
      max_tokens_(max_tokens),
      tokenizer_(load_t5_tokenizer(folder, tokenizer)),
      store_(source.seed ? nn::ParamStore::from_seed(*source.seed, source.large())
                         : nn::ParamStore::from_tensors(
                               with_t5_names(folder.load_weights(encoder, "model", source.variant)), encoder,
                               source.large())) {
  const std::string file = (folder.path() / encoder / "config.json").string();
  const T5Config config = parse_t5_config(folder.json(encoder + "/config.json"), file);
  tokenizer_.expect_embeddings(config.vocab_size, file);
  encoder_.emplace(config, nn::Scope(store_), source.params.dtype);
  store_.finish();
}

at::Tensor T5Tower::tokenize(const std::vector<std::string>& prompts, const CutPrompts& cut) const {
  at::Tensor ids = at::empty({int64_t(prompts.size()), max_tokens_}, at::kLong);
  int64_t* row = ids.mutable_data_ptr<int64_t>();
  for (const std::string& prompt : prompts) {
    const text::TokenIds tokens = tokenizer_.encode(prompt, max_tokens_);
    row = std::copy(tokens.ids.begin(), tokens.ids.end(), row);
    if (tokens.truncated)
      cut.warn(prompt, max_tokens_, "T5", [&](const std::string& beginning) {
        return !tokenizer_.encode(beginning, max_tokens_).truncated;
      });
  }
  return ids.to(device_);
}

void check_t5_tokens(int64_t tokens, const std::string& name) {
  if (tokens < 1 || tokens > kMostT5Tokens)
    throw ConfigError("model",
                      cat(name, " must be 1 to ", kMostT5Tokens, ", the most that T5 reads; got ", tokens));
}

}  // namespace gamut::models
