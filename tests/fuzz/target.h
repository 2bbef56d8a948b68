// SPDX-License-Identifier: Apache-2.0
// What the fuzz targets share: the bytes as a file, and what a reader may do about them.
#pragma once

#include "gamut/core/error.h"

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace gamut::fuzz {

inline std::string_view text_of(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// A folder of this process, in memory where there is such a place.
inline const std::filesystem::path& folder() {
  static const std::filesystem::path made = [] {
    const std::filesystem::path shm = "/dev/shm", base = std::filesystem::is_directory(shm) ? shm : "/tmp";
    std::string pattern = (base / "gamut-fuzz-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    static std::filesystem::path kept = pattern;
    std::atexit([] { std::filesystem::remove_all(kept); });
    return kept;
  }();
  return made;
}

inline std::filesystem::path write(const std::string& name, std::string_view bytes) {
  const std::filesystem::path path = folder() / name;
  std::ofstream(path, std::ios::binary).write(bytes.data(), std::streamsize(bytes.size()));
  return path;
}

// Runs a reader. It may take the bytes, or refuse them by an error of gamut's that is the input's fault, on
// one printable line (a recipe: on a few). Anything else is a finding.
template <class Reader>
int read_hostile(Reader&& reader) {
  try {
    reader();
  } catch (const InternalError& error) {
    std::fprintf(stderr, "an internal error: %s\n", error.what());
    std::abort();
  } catch (const Error& error) {
    const std::string_view text = error.what();
    for (const char c : text)
      if ((uint8_t(c) < 0x20 && c != '\n') || c == 0x7F) std::abort();
    if (text.size() > 20'000) std::abort();
  }
  return 0;
}

}  // namespace gamut::fuzz
