// SPDX-License-Identifier: Apache-2.0
#include "gamut/run/same_everywhere.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/io/crc32c.h"
#include "gamut/run/build_info.h"

#include <torch/version.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <sstream>

namespace gamut::run {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// "size 1234, header 1f2e3d4c" of a safetensors file: the header names every tensor with its shape, type and
// place.
std::string weights_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  uint64_t length = 0;
  in.read(reinterpret_cast<char*>(&length), sizeof length);
  std::string header(size_t(std::min<uint64_t>(length, uint64_t{64} << 20)), '\0');
  in.read(header.data(), std::streamsize(header.size()));
  return cat("size ", fs::file_size(file), ", header ", io::crc32c_text(io::crc32c(header)));
}

std::string fingerprint(const TrainRecipe& recipe) {
  std::string text = cat("program = ", version(), " ", io::file_crc32c("/proc/self/exe"),
                         "\nLibTorch = ", TORCH_VERSION, "\n");
  for (const ResolvedField& field : recipe.resolved.fields) text += cat(field.key, " = ", field.toml, "\n");
  std::vector<fs::path> files;
  std::error_code ignored;
  for (fs::recursive_directory_iterator entry(recipe.train.model, ignored), end; entry != end;
       entry.increment(ignored))
    if (entry->path().extension() == ".safetensors") files.push_back(entry->path());
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files)
    text += cat(file.lexically_relative(recipe.train.model).string(), " = ", weights_of(file), "\n");
  return text;
}

}  // namespace

std::string first_difference(const std::string& mine, const std::string& others) {
  const std::vector<std::string> ours = split_lines(mine), theirs = split_lines(others);
  const size_t count = std::max(ours.size(), theirs.size());
  for (size_t i = 0; i < count; ++i) {
    const std::string one = i < ours.size() ? ours[i] : "nothing",
                      two = i < theirs.size() ? theirs[i] : "nothing";
    if (one != two) return cat("'", printable(one, 200), "', and rank 0 has '", printable(two, 200), "'");
  }
  return "";
}

void check_same_everywhere(comm::Group& group, const TrainRecipe& recipe) {
  if (group.is_one()) return;
  const std::vector<std::string> all = group.gather(fingerprint(recipe));
  for (size_t rank = 1; rank < all.size(); ++rank) {
    const std::string difference = first_difference(all[rank], all[0]);
    if (!difference.empty())
      throw EnvironmentError(
          "comm", cat("all processes must run the same program, recipe and model; rank ", rank, " has ",
                      difference, "; start all alike, from the same files"));
  }
}

}  // namespace gamut::run
