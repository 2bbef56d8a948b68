// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/text_stack.h"

#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/core/names.h"

namespace gamut::models {

void TextStack::set_max_tokens(int64_t, const std::string& name) {
  throw ConfigError("model", cat(name, " sets how many tokens the T5 encoder reads, and this model has none; got a model "
                                       "with CLIP alone, which always reads its own context; leave it out"));
}

void CutPrompts::warn(const std::string& prompt, const std::string& context, const std::string& after) const {
  const std::lock_guard lock(mutex_);
  if (!warned_.insert(context + '\n' + prompt).second) return;
  // Enough of a long prompt to know it by.
  log_warning(cat("the prompt '", printable(prompt, 80), "' is longer than ", context, "; its end is cut off", after));
}

std::string cut_after(const std::string& prompt, const std::function<bool(const std::string&)>& fits) {
  const auto starts_character = [&](size_t at) { return (static_cast<unsigned char>(prompt[at]) & 0xC0) != 0x80; };
  size_t kept = 0, over = prompt.size();  // a prefix that fits, one that does not
  while (over - kept > 1) {
    size_t middle = kept + (over - kept) / 2;
    while (middle > kept && !starts_character(middle)) --middle;
    if (middle == kept) break;
    (fits(prompt.substr(0, middle)) ? kept : over) = middle;
  }
  constexpr size_t kShown = 40;
  size_t first = kept > kShown ? kept - kShown : 0;
  while (first < kept && !starts_character(first)) ++first;
  return cat(" after '", first > 0 ? "…" : "", printable(prompt.substr(first, kept - first)), "'");
}

}  // namespace gamut::models
