// SPDX-License-Identifier: Apache-2.0
// Python's json module writes NaN, Infinity and -Infinity, which JSON has not.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace gamut::io {

// The text with each of these words, outside of strings, as `replacement` has it.
std::string with_python_numbers(std::string_view text,
                                const std::function<std::string(std::string_view)>& replacement);

}  // namespace gamut::io
