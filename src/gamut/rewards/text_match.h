// SPDX-License-Identifier: Apache-2.0
// How well a recognized text matches the asked one; pure functions of strings.
//
//   ocr_reward("K\n", "k")           = 1      case and white space do not count
//   ocr_reward("a stop sign", "STOP") = 1     a substring is enough
//   ocr_reward("stqp", "stop")       = 0.75   one of four letters is wrong
#pragma once

#include <string>
#include <string_view>

namespace gamut::rewards {

// UTF-8 to code points in lower case without white space; invalid bytes read as U+FFFD.
std::u32string fold_text(std::string_view utf8);
// Insertions, deletions and substitutions of code points, each of cost 1.
size_t levenshtein(std::u32string_view a, std::u32string_view b);

// Flow-GRPO's OCR reward, in [0, 1]: 1 - d / length of the target, both folded; d = 0 if the target is a
// substring of what was recognized, else their Levenshtein distance, at most the target's length. The target
// must not fold to an empty text.
double ocr_reward(std::string_view recognized, std::string_view target);
// Neighbours that are one letter in different case become the first of them, "WwW" -> "W". Tesseract reads a
// lone capital whose small form looks alike (C S V W X) as both.
std::string merge_case_twins(std::string_view utf8);
// Nothing but the target was read, up to case, white space and case twins.
bool reads_exactly(std::string_view recognized, std::string_view target);

}  // namespace gamut::rewards
