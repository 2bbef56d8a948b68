// SPDX-License-Identifier: Apache-2.0
// What a user may have meant by a flag that a command does not have.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace gamut::cli {

// Keys of a fine-tuning recipe, as --set takes them.
std::vector<std::string> recipe_keys();

// After a parse that failed: "unknown flag '--lr' of gamut train; did you mean '--set
// optimizer.learning_rate=1e-4'?".
// "" when every flag was known. `words`: the command line as it was given.
std::string unknown_flag(const CLI::App& program, const std::vector<std::string>& words);

}  // namespace gamut::cli
