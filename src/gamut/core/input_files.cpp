// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/input_files.h"

#include <cstdlib>
#include <dlfcn.h>
#include <system_error>
#include <vector>

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

// Of the Python module, whose program is Python; empty where this code stands in the program itself.
fs::path folder_of_module() {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<const void*>(&data_folder), &info) == 0 || info.dli_fname == nullptr)
    return {};
  const fs::path file = info.dli_fname;
  if (file.extension() != ".so") return {};
  std::error_code failed;
  const fs::path absolute = fs::absolute(file, failed);
  return failed ? fs::path() : absolute.parent_path();
}

// A wheel's share/gamut lies beside the module and beside bin/; a build folder's python/gamut below the
// checkout.
fs::path shipped_folder() {
  const fs::path module = folder_of_module(), program = folder_of_program();
  std::vector<fs::path> folders;
  if (!module.empty()) folders = {module / "share/gamut", module.parent_path().parent_path().parent_path()};
  if (!program.empty()) {
    folders.push_back(program.parent_path() / "share/gamut");
    folders.push_back(program.parent_path());
  }
  for (const fs::path& folder : folders)
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
