// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/input_files.h"

#include <cstdlib>
#include <system_error>

namespace gamut {
namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

// An empty path when it cannot be told, as without /proc.
fs::path folder_of_program() {
  std::error_code ignored;
  return fs::read_symlink("/proc/self/exe", ignored).parent_path();
}

fs::path shipped_folder() {
  const fs::path program = folder_of_program();
  if (program.empty()) return {};
  for (const fs::path& folder : {program.parent_path() / "share/gamut", program.parent_path()})
    if (is_there(folder / "models") && is_there(folder / "recipes")) return folder;
  return {};
}

InputFile found_at(const fs::path& file, const std::string& name) {
  std::error_code failed;
  const fs::path absolute = fs::absolute(file, failed).lexically_normal();
  return {file.lexically_normal().string(), failed ? name : absolute.string()};
}

bool find_beside_recipe(const std::string& name, const fs::path& folder, InputFile& found) {
  if (!is_there(folder / name)) return false;
  found = found_at(folder / name, name);
  return true;
}

bool find_here(const std::string& name, InputFile& found) {
  if (!is_there(name)) return false;
  found = {name, found_at(name, name).written};
  return true;
}

// From the checkout itself the written name leads to the same file and is kept: shorter in every message.
bool find_in_data(const std::string& name, InputFile& found) {
  const fs::path data = data_folder();
  if (data.empty() || !is_there(data / name)) return false;
  std::error_code ignored;
  const bool same = fs::equivalent(data / name, name, ignored);
  found = {same ? name : (data / name).string(), name};
  return true;
}

}  // namespace

fs::path data_folder() {
  const char* named = std::getenv("GAMUT_DATA");
  if (named != nullptr && *named != '\0') return named;
  static const fs::path shipped = shipped_folder();
  return shipped;
}

InputFile find_input(const std::string& name, NamedBy named_by, const fs::path& folder) {
  InputFile found{name, name};
  if (name.empty() || fs::path(name).is_absolute()) return found;
  if (named_by == NamedBy::kCommandLine) {
    find_here(name, found) || find_in_data(name, found);
  } else if (named_by == NamedBy::kDefault || !find_beside_recipe(name, folder, found)) {
    find_in_data(name, found) || find_here(name, found);
  }
  return found;
}

}  // namespace gamut
