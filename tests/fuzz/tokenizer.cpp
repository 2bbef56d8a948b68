// SPDX-License-Identifier: Apache-2.0
// A tokenizer's folder from one input: lines "=== NAME" begin its files. What opens also reads the input as a
// prompt.
#include "gamut/text/clip_tokenizer.h"
#include "target.h"

#include <array>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gamut;
  const std::string_view all = fuzz::text_of(data, size);
  constexpr std::array<const char*, 6> kFiles{
      "vocab.json",     "merges.txt",       "tokenizer_config.json", "special_tokens_map.json",
      "tokenizer.json", "added_tokens.json"};
  for (const char* name : kFiles) {
    const std::string mark = std::string("=== ") + name + "\n";
    std::filesystem::remove(fuzz::folder() / name);
    const size_t begin = all.find(mark);
    if (begin == std::string_view::npos) continue;
    const std::string_view rest = all.substr(begin + mark.size());
    fuzz::write(name, rest.substr(0, rest.find("=== ")));
  }
  return fuzz::read_hostile([&] {
    const text::ClipTokenizer tokenizer = text::ClipTokenizer::load(fuzz::folder());
    tokenizer.encode(all, 77);
    tokenizer.encode(all.substr(0, 100), 0);
  });
}
