// SPDX-License-Identifier: Apache-2.0
#include "gamut/io/inside.h"

#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/core/names.h"

#include <algorithm>
#include <system_error>

namespace gamut::io {
namespace {

namespace fs = std::filesystem;

bool begins_with(const fs::path& path, const fs::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first == folder.end();
}

// REPO/blobs for a folder at or below REPO/snapshots/REVISION; "" for any other.
fs::path cache_blobs(const fs::path& folder) {
  for (fs::path at = folder; at.has_relative_path(); at = at.parent_path())
    if (at.parent_path().filename() == "snapshots") return at.parent_path().parent_path() / "blobs";
  return {};
}

}  // namespace

bool lies_within(const fs::path& folder, const fs::path& file) {
  std::error_code failed;
  const fs::path root = fs::canonical(folder, failed);
  if (failed) return false;
  const fs::path real = fs::canonical(file, failed);
  if (failed) return false;
  const fs::path blobs = cache_blobs(root);
  return begins_with(real, root) || (!blobs.empty() && begins_with(real, blobs));
}

void copy_folder(const fs::path& source, const fs::path& target) {
  std::error_code failed;
  fs::create_directories(target, failed);
  if (failed)
    throw EnvironmentError("files", cat("folder '", target.string(), "' cannot be made: ", failed.message()));
  for (const auto& entry : fs::directory_iterator(source)) {
    const fs::path to = target / entry.path().filename();
    if (entry.is_directory() && !entry.is_symlink())
      copy_folder(entry.path(), to);
    else if (entry.is_regular_file() && lies_within(source, entry.path()))
      fs::copy_file(entry.path(), to, fs::copy_options::overwrite_existing);
    else
      log_warning(cat("'", printable(entry.path().string()), "' leads out of its folder and was not copied"));
  }
}

}  // namespace gamut::io
