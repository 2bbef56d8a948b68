// SPDX-License-Identifier: Apache-2.0
#include "gamut/rewards/text_match.h"

#include "gamut/core/error.h"

#include <unicode/locid.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace gamut::rewards {
namespace {

icu::UnicodeString from_utf8(std::string_view utf8) {
  return icu::UnicodeString::fromUTF8({utf8.data(), static_cast<int32_t>(utf8.size())});
}

}  // namespace

std::u32string fold_text(std::string_view utf8) {
  icu::UnicodeString text = from_utf8(utf8);
  text.toLower(icu::Locale::getRoot());
  std::u32string folded;
  for (int32_t i = 0; i < text.length(); i = text.moveIndex32(i, 1)) {
    const UChar32 point = text.char32At(i);
    if (!u_isUWhiteSpace(point)) folded.push_back(static_cast<char32_t>(point));
  }
  return folded;
}

std::string merge_case_twins(std::string_view utf8) {
  const icu::UnicodeString text = from_utf8(utf8);
  icu::UnicodeString merged;
  UChar32 last = 0;
  for (int32_t i = 0; i < text.length(); i = text.moveIndex32(i, 1)) {
    const UChar32 point = text.char32At(i);
    if (point == last || u_tolower(point) != u_tolower(last)) merged.append(point);
    last = point;
  }
  std::string out;
  return merged.toUTF8String(out);
}

size_t levenshtein(std::u32string_view a, std::u32string_view b) {
  std::vector<size_t> row(b.size() + 1);  // distances from a[0, i) to each b[0, j)
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row.back();
}

double ocr_reward(std::string_view recognized, std::string_view target) {
  const std::u32string want = fold_text(target), got = fold_text(recognized);
  GAMUT_CHECK(!want.empty());
  if (got.find(want) != std::u32string::npos) return 1.0;
  const size_t distance = std::min(levenshtein(got, want), want.size());
  return 1.0 - static_cast<double>(distance) / static_cast<double>(want.size());
}

bool reads_exactly(std::string_view recognized, std::string_view target) {
  const std::u32string want = fold_text(target);
  return fold_text(recognized) == want || fold_text(merge_case_twins(recognized)) == want;
}

}  // namespace gamut::rewards
