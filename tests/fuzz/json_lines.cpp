// SPDX-License-Identifier: Apache-2.0
// JSON, its lines, and prompt sets in both forms.
#include "gamut/io/files.h"
#include "gamut/text/prompt_set.h"
#include "target.h"

#include <nlohmann/json.hpp>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gamut;
  const std::string_view text = fuzz::text_of(data, size);
  fuzz::read_hostile([&] { io::brief(io::parse_json(text, "x.json")); });
  const std::filesystem::path lines = fuzz::write("x.jsonl", text), plain = fuzz::write("x.txt", text);
  fuzz::read_hostile([&] { io::read_json_lines(lines); });
  fuzz::read_hostile([&] { io::last_json_line(lines); });
  fuzz::read_hostile([&] { text::load_prompts(lines); });
  fuzz::read_hostile([&] { text::load_prompts(plain); });
  return fuzz::read_hostile([&] {
    io::truncate_json_lines(lines, "step", 2);
    io::JsonLines(lines).append({{"step", 3}});
  });
}
