// SPDX-License-Identifier: Apache-2.0
#include "gamut/io/run_folder.h"

#include "gamut/core/error.h"
#include "gamut/io/files.h"

#include <cstdio>

namespace gamut::io {

namespace fs = std::filesystem;

void create_run_folder(const fs::path& folder) {
  std::error_code error;
  fs::path plain = folder.lexically_normal();
  if (!plain.has_filename()) plain = plain.parent_path();  // a trailing slash
  if (plain.has_parent_path()) fs::create_directories(plain.parent_path(), error);
  // Of two processes that make the same folder, one makes it.
  const bool made = !error && fs::create_directory(plain, error);
  if (!made && fs::exists(folder))
    throw ConfigError("run", cat("the run folder '", folder.string(),
                                 "' exists already; use --resume to go on with it, or another --run"));
  if (!error) fs::create_directory(folder / "samples", error);
  if (!error) fs::create_directory(folder / "checkpoints", error);
  if (error)
    throw EnvironmentError("run", cat("cannot create the run folder '", folder.string(),
                                      "': ", error.message(), "; name a writable place with --run"));
}

fs::path free_run_folder(const std::string& name) {
  fs::path folder = fs::path("runs") / name;
  for (int k = 2; fs::exists(folder); ++k) folder = fs::path("runs") / cat(name, "-", k);
  return folder;
}

fs::path newest_run_folder(const std::string& name) {
  fs::path newest;
  fs::path folder = fs::path("runs") / name;
  for (int k = 2; fs::exists(folder); ++k) {
    newest = folder;
    folder = fs::path("runs") / cat(name, "-", k);
  }
  return newest;
}

std::string step_name(int64_t step) {
  char name[32];
  std::snprintf(name, sizeof name, "step_%06lld", static_cast<long long>(step));
  return name;
}

}  // namespace gamut::io
