// SPDX-License-Identifier: Apache-2.0
// What people give in place of a model folder, named as what it is, with what to do.
#pragma once

#include <filesystem>
#include <string>

namespace gamut::models {

// Of a file: "a single-file checkpoint, not a model folder; convert it with …".
std::string describe_model_file(const std::filesystem::path& file);

// Of a folder without model_index.json: where the model is, or what this is instead; "is the path right?"
// when nothing is known.
std::string layout_hint(const std::filesystem::path& folder);

// For a folder of the Hub's cache above its snapshots: the snapshot to take; "" = it is none.
std::string hub_cache_hint(const std::filesystem::path& folder);

}  // namespace gamut::models
