// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/content.h"

#include "gamut/core/error.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <cstdio>

namespace gamut {
namespace {

using namespace std::string_view_literals;

struct Signature {
  std::string_view start, what;
};
constexpr std::array kSignatures{
    Signature{"version https://git-lfs"sv,
              "a Git LFS pointer: run `git lfs pull` in the clone, or download the file itself"sv},
    Signature{
        "PK\x03\x04"sv,
        "a zip archive, as torch.save writes pickles: convert it with scripts/pickle_to_safetensors.py"sv},
    Signature{"\x80\x02"sv, "a Python pickle: convert it with scripts/pickle_to_safetensors.py"sv},
    Signature{"\x80\x04"sv, "a Python pickle: convert it with scripts/pickle_to_safetensors.py"sv},
    Signature{"GGUF"sv, "a GGUF file: take the model's safetensors instead"sv},
    Signature{"\x89HDF"sv, "an HDF5 file, as Keras writes weights: take the model's safetensors instead"sv},
    Signature{"\x1f\x8b"sv, "a gzip archive: unpack it first"sv},
    Signature{"\x89PNG"sv, "a PNG picture"sv},
    Signature{"\xff\xd8\xff"sv, "a JPEG picture"sv}};

// A page begins with a tag of a few, after blanks, in any case.
bool is_web_page(std::string_view bytes) {
  const size_t first = bytes.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return false;
  std::string start(bytes.substr(first, 14));
  std::transform(start.begin(), start.end(), start.begin(),
                 [](unsigned char c) { return char(std::tolower(c)); });
  return start.starts_with("<!doctype html") || start.starts_with("<html") || start.starts_with("<head") ||
         start.starts_with("<?xml");
}

// Length of the sequence of UTF-8 that begins here, 0 = none does (RFC 3629: no surrogate, nothing overlong).
size_t sequence_length(std::string_view text, size_t i) {
  const auto byte = [&](size_t k) { return i + k < text.size() ? uint8_t(text[i + k]) : uint8_t(0); };
  const auto follows = [&](size_t k) { return (byte(k) & 0xC0) == 0x80; };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return follows(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const bool overlong = lead == 0xE0 && byte(1) < 0xA0, surrogate = lead == 0xED && byte(1) > 0x9F;
    return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (lead < 0xF0 || lead > 0xF4) return 0;
  const bool outside = (lead == 0xF0 && byte(1) < 0x90) || (lead == 0xF4 && byte(1) > 0x8F);
  return follows(1) && follows(2) && follows(3) && !outside ? 4 : 0;
}

}  // namespace

std::string foreign_content(std::string_view bytes) {
  bytes = without_mark(bytes);
  if (is_web_page(bytes))
    return "a web page: what was downloaded was a page (to sign in?) or an error, not the file";
  for (const Signature& signature : kSignatures)
    if (bytes.starts_with(signature.start)) return std::string(signature.what);
  return "";
}

std::string utf8_problem(std::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    const size_t length = sequence_length(text, i);
    if (length == 0) break;
    i += length;
  }
  if (i == text.size()) return "";
  const auto line = 1 + std::count(text.begin(), text.begin() + std::ptrdiff_t(i), '\n');
  const bool wide = text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff");
  char byte[8];
  std::snprintf(byte, sizeof byte, "0x%02X", unsigned(uint8_t(text[i])));
  return cat("line ", line, " is not UTF-8; got the byte ", byte, wide ? " of UTF-16" : "",
             "; save the file as UTF-8");
}

std::string_view without_mark(std::string_view text) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  return text.starts_with(kMark) ? text.substr(kMark.size()) : text;
}

}  // namespace gamut
