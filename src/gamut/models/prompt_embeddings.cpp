// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/prompt_embeddings.h"

#include <algorithm>
#include <unordered_map>

namespace gamut::models {

PromptEmbeddings::PromptEmbeddings(const Pipeline& pipe, const std::vector<std::string>& prompts)
    : pipe_(pipe) {
  std::unordered_map<std::string, int64_t> seen;
  for (const std::string& prompt : prompts) {
    const auto [entry, is_new] = seen.emplace(prompt, int64_t(distinct_.size()));
    if (is_new) distinct_.push_back(prompt);
    place_.push_back(entry->second);
  }
  chunks_.resize((distinct_.size() + kChunk - 1) / kChunk);
}

Conditioning PromptEmbeddings::rows(const std::vector<int64_t>& prompts) const {
  std::vector<Conditioning> picked;
  for (const int64_t prompt : prompts) {
    const int64_t place = place_.at(size_t(prompt));
    picked.push_back(chunk(place / kChunk).rows(place % kChunk, 1));
  }
  return Conditioning::cat(picked).to(pipe_.options().device);
}

void PromptEmbeddings::encode_all() const {
  for (size_t i = 0; i < chunks_.size(); ++i) chunk(int64_t(i));
}

int64_t PromptEmbeddings::num_encoded() const {
  int64_t count = 0;
  for (const Conditioning& chunk : chunks_)
    if (!chunk.parts.empty()) count += chunk.num_rows();
  return count;
}

const Conditioning& PromptEmbeddings::chunk(int64_t index) const {
  Conditioning& chunk = chunks_[size_t(index)];
  if (chunk.parts.empty()) {
    const auto begin = distinct_.begin() + index * kChunk;
    const auto end = std::min(begin + kChunk, distinct_.end());
    chunk = pipe_.encode({begin, end});
    if (!pipe_.options().device.is_meta()) chunk = chunk.to(at::kCPU);
  }
  return chunk;
}

}  // namespace gamut::models
