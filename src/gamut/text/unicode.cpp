// SPDX-License-Identifier: Apache-2.0
#include "gamut/text/unicode.h"

#include "gamut/core/error.h"

#include <unicode/brkiter.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/uniset.h>
#include <unicode/unistr.h>

#include <memory>

namespace gamut::text {

namespace {

std::u32string from_icu(const icu::UnicodeString& source) {
  std::u32string text;
  text.reserve(size_t(source.length()));
  for (int32_t i = 0; i < source.length(); i = source.moveIndex32(i, 1))
    text.push_back(char32_t(source.char32At(i)));
  return text;
}

icu::UnicodeString to_icu(std::u32string_view text) {
  return icu::UnicodeString::fromUTF32(reinterpret_cast<const UChar32*>(text.data()), int32_t(text.size()));
}

}  // namespace

std::u32string decode_utf8(std::string_view bytes) {
  return from_icu(icu::UnicodeString::fromUTF8({bytes.data(), int32_t(bytes.size())}));
}

std::string encode_utf8(std::u32string_view text) {
  std::string bytes;
  to_icu(text).toUTF8String(bytes);
  return bytes;
}

std::u32string compose(std::u32string_view text) {
  UErrorCode status = U_ZERO_ERROR;
  static const icu::UnicodeSet known(icu::UnicodeString("[:age=9.0:]"), status);
  static const icu::FilteredNormalizer2 filtered(*icu::Normalizer2::getNFCInstance(status), known);
  const icu::Normalizer2& nfc = filtered;  // which hides the overload used here
  const icu::UnicodeString composed = nfc.normalize(to_icu(text), status);
  GAMUT_CHECK(U_SUCCESS(status), "ICU says ", u_errorName(status));
  return from_icu(composed);
}

std::u32string lower_case(std::u32string_view text) {
  std::u32string lower;
  lower.reserve(text.size());
  for (const char32_t c : text) {
    lower.push_back(char32_t(u_tolower(UChar32(c))));
    // The one character whose lower case has two: capital I with dot above.
    if (c == U'\u0130') lower.push_back(U'\u0307');
  }
  return lower;
}

std::vector<size_t> cluster_ends(std::u32string_view text) {
  UErrorCode status = U_ZERO_ERROR;
  const std::unique_ptr<icu::BreakIterator> breaks(
      icu::BreakIterator::createCharacterInstance(icu::Locale::getRoot(), status));
  GAMUT_CHECK(U_SUCCESS(status), "ICU says ", u_errorName(status));
  const icu::UnicodeString units = to_icu(text);
  breaks->setText(units);
  std::vector<size_t> ends;
  size_t end = 0;
  int32_t from = breaks->first();
  for (int32_t to = breaks->next(); to != icu::BreakIterator::DONE; to = breaks->next()) {
    end += size_t(units.countChar32(from, to - from));
    ends.push_back(end);
    from = to;
  }
  return ends;
}

CharClass char_class(char32_t c) {
  if (u_isUWhiteSpace(UChar32(c))) return CharClass::kSpace;
  const uint32_t mask = U_GET_GC_MASK(UChar32(c));
  if (mask & U_GC_L_MASK) return CharClass::kLetter;
  if (mask & U_GC_N_MASK) return CharClass::kNumber;
  return CharClass::kOther;
}

}  // namespace gamut::text
