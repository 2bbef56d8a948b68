// SPDX-License-Identifier: Apache-2.0
// T5's tokenizer: an input is spiece.model, or tokenizer.json where it begins with a brace. What opens reads
// it as a prompt.
#include "gamut/text/t5_tokenizer.h"
#include "target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gamut;
  const std::string_view all = fuzz::text_of(data, size);
  for (const char* name : {"spiece.model", "tokenizer.json"}) std::filesystem::remove(fuzz::folder() / name);
  fuzz::write(all.starts_with('{') ? "tokenizer.json" : "spiece.model", all);
  return fuzz::read_hostile([&] {
    const text::T5Tokenizer tokenizer = text::T5Tokenizer::load(fuzz::folder());
    tokenizer.encode(all.substr(0, 300), 77);
  });
}
