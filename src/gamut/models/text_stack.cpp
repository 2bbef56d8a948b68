// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/text_stack.h"

#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/core/names.h"

namespace gamut::models {
namespace {

// "…the last words" of the longest beginning of the prompt that fits.
std::string kept_end(const std::string& prompt, const std::function<bool(const std::string&)>& fits) {
  const auto starts_character = [&](size_t at) {
    return (static_cast<unsigned char>(prompt[at]) & 0xC0) != 0x80;
  };
  size_t kept = 0, over = prompt.size();  // a beginning that fits, one that does not
  while (over - kept > 1) {
    size_t middle = kept + (over - kept) / 2;
    while (middle > kept && !starts_character(middle)) --middle;
    if (middle == kept) break;
    (fits(prompt.substr(0, middle)) ? kept : over) = middle;
  }
  constexpr size_t kShown = 40;
  size_t first = kept > kShown ? kept - kShown : 0;
  while (first < kept && !starts_character(first)) ++first;
  return cat(first > 0 ? "…" : "", printable(prompt.substr(first, kept - first)));
}

}  // namespace

void TextStack::set_max_tokens(int64_t, const std::string& name) {
  throw ConfigError("model",
                    cat(name,
                        " sets how many tokens the T5 encoder reads, and this model has none; got a model "
                        "with CLIP alone, which always reads its own context; leave it out"));
}

void CutPrompts::warn(const std::string& prompt, int64_t tokens, const std::string& reader,
                      const std::function<bool(const std::string&)>& fits) const {
  const std::lock_guard lock(mutex_);
  if (!warned_.insert(reader + '\n' + prompt).second) return;
  // Enough of a long prompt to know it by.
  const std::string start =
      cat("the prompt '", printable(prompt, 80), "' is longer than the context of ", tokens, " tokens");
  if (several_)
    log_warning(
        cat(start, " of ", reader, "; its end is cut off there, after '", kept_end(prompt, fits), "'"));
  else
    log_warning(cat(start, "; its end is cut off"));
}

}  // namespace gamut::models
