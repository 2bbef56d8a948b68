// SPDX-License-Identifier: Apache-2.0
// A prompt in other, more exact words: "the digit 7" as "the digit 7, red on white, serif". Rollouts that
// draw from such captions compare pictures that share what a caption names, so that no reward selects for it
// (docs/howto/own_prompts.md).
#pragma once

#include "gamut/text/prompt_set.h"

#include <filesystem>
#include <vector>

namespace gamut::text {

// The prompts with each that the file names replaced by its variants, which inherit all but the text; a
// prompt that is to be drawn as it is, too, stands among its own variants. The file is JSON lines
// {"prompt": "the digit 7", "variants": ["the digit 7, serif", …]}; lines of other prompts are left out, with
// a line in the log. DataError names the line; also where no line names a prompt of the set.
std::vector<Prompt> with_variants(const std::vector<Prompt>& prompts, const std::filesystem::path& file);

}  // namespace gamut::text
