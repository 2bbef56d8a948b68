// SPDX-License-Identifier: Apache-2.0
#include "gamut/text/character_map.h"

#include "gamut/core/error.h"
#include "gamut/text/unicode.h"

#include <algorithm>
#include <cstring>

namespace gamut::text {
namespace {

// A unit of the trie (darts-clone): what it holds depends on whether it is a leaf.
uint32_t offset_of(uint32_t unit) { return (unit >> 10) << ((unit & 0x200u) >> 6); }
uint32_t label_of(uint32_t unit) { return unit & 0x800000FFu; }
bool has_leaf(uint32_t unit) { return (unit & 0x100u) != 0; }
uint32_t value_of(uint32_t unit) { return unit & 0x7FFFFFFFu; }

constexpr size_t kLongestCluster = 5;  // bytes of a character that is looked up as a whole

}  // namespace

CharacterMap CharacterMap::parse(std::string_view bytes, const std::string& origin) {
  CharacterMap map;
  if (bytes.empty()) return map;
  uint32_t size = 0;
  if (bytes.size() >= sizeof size) std::memcpy(&size, bytes.data(), sizeof size);
  if (size == 0 || size % 4 != 0 || size > bytes.size() - sizeof size)
    throw DataError(
        origin,
        "the normalizer's table (precompiled_charsmap) must be a trie and its texts; the file is damaged");
  map.units_.resize(size / 4);
  std::memcpy(map.units_.data(), bytes.data() + sizeof size, size);
  map.texts_ = bytes.substr(sizeof size + size);
  return map;
}

std::optional<std::string_view> CharacterMap::find(std::string_view chunk) const {
  if (units_.empty()) return std::nullopt;
  uint32_t node = offset_of(units_[0]);
  for (const char c : chunk) {
    const uint32_t byte = uint8_t(c);
    node ^= byte;
    if (byte == 0 || node >= units_.size() || label_of(units_[node]) != byte) return std::nullopt;
    const uint32_t unit = units_[node];
    node ^= offset_of(unit);
    if (!has_leaf(unit)) continue;
    if (node >= units_.size()) return std::nullopt;
    const size_t place = value_of(units_[node]);
    if (place >= texts_.size()) return std::nullopt;
    return std::string_view(texts_).substr(place, std::min(texts_.find('\0', place), texts_.size()) - place);
  }
  return std::nullopt;
}

std::string CharacterMap::apply(std::u32string_view text) const {
  std::string mapped;
  size_t begin = 0;
  for (const size_t end : cluster_ends(text)) {
    const std::u32string_view cluster = text.substr(begin, end - begin);
    begin = end;
    const std::string whole = encode_utf8(cluster);
    if (whole.size() <= kLongestCluster)
      if (const auto found = find(whole)) {
        mapped += *found;
        continue;
      }
    for (const char32_t c : cluster) {
      const std::string part = encode_utf8({&c, 1});
      mapped += find(part).value_or(part);
    }
  }
  return mapped;
}

}  // namespace gamut::text
