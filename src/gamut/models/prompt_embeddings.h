// SPDX-License-Identifier: Apache-2.0
// The text encoders' view of a prompt set, each distinct prompt computed once, when first asked for.
#pragma once

#include "gamut/models/pipeline.h"

#include <cstdint>
#include <string>
#include <vector>

namespace gamut::models {

class PromptEmbeddings {
 public:
  // Encodes nothing yet. `pipe` must outlive it, and its text encoder must not change.
  PromptEmbeddings(const Pipeline& pipe, const std::vector<std::string>& prompts);

  // Rows by place in the prompt set, on the pipeline's device. Prompts are encoded in fixed chunks of kChunk,
  // so that no row depends on what was asked for before: a resumed run sees the same bits.
  Conditioning rows(const std::vector<int64_t>& prompts) const;
  int64_t num_encoded() const;  // prompts encoded so far
  void encode_all() const;      // those that are left, so that the text encoders may go
  static constexpr int64_t kChunk = 64;

 private:
  const Conditioning& chunk(int64_t index) const;

  const Pipeline& pipe_;
  std::vector<std::string> distinct_;
  std::vector<int64_t> place_;  // of each prompt of the set in distinct_
  mutable std::vector<Conditioning>
      chunks_;  // of at most kChunk rows in main memory, without parts until asked for
};

}  // namespace gamut::models
