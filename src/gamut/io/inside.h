// SPDX-License-Identifier: Apache-2.0
// Folders that come from elsewhere may hold links. What is copied out of them stops at their border, so that
// a folder from a stranger cannot carry its user's other files into what is saved and shared.
#pragma once

#include <filesystem>

namespace gamut::io {

// Whether `file`, links resolved, lies in `folder`. The Hugging Face cache keeps a snapshot's files as links
// to REPO/blobs; those lie within REPO/snapshots/REVISION.
bool lies_within(const std::filesystem::path& folder, const std::filesystem::path& file);

// Copies a folder's files and real sub-folders over `target`, which is made if need be; what leads out is
// left behind, with a warning. EnvironmentError when it cannot be written.
void copy_folder(const std::filesystem::path& source, const std::filesystem::path& target);

}  // namespace gamut::io
