// SPDX-License-Identifier: Apache-2.0
// Latents that `gamut sample` saved against those of a fixture, and a model's weights in other layouts on
// disk.
#pragma once

#include "cli/micro.h"
#include "gamut/io/safetensors.h"

#include <gtest/gtest.h>

#include <cmath>

namespace gamut::testing {

inline std::vector<float> values(const io::SafetensorsFile& file, const std::string& tensor) {
  const std::span<const std::byte> bytes = file.bytes(file.at(tensor));
  std::vector<float> out(bytes.size() / sizeof(float));
  std::memcpy(out.data(), bytes.data(), bytes.size());
  return out;
}

// A fixture's tensor in a file of its own, under the name that the program reads.
inline std::string write_tensor(const io::SafetensorsFile& file, const std::string& tensor,
                                const std::string& name, const fs::path& target) {
  const io::TensorEntry& entry = file.at(tensor);
  io::save_safetensors(target, {{name, entry.dtype, entry.shape, file.bytes(entry)}});
  return target.string();
}

// `tolerance`: of the largest latent, at least of 1, since random networks drive latents beyond one.
inline void expect_latents(const fs::path& saved, const io::SafetensorsFile& fixture, double tolerance) {
  const std::vector<float> got = values(io::SafetensorsFile::open(saved), "latents"),
                           expected = values(fixture, "latents");
  ASSERT_EQ(got.size(), expected.size());
  double worst = 0, largest = 1;
  for (size_t i = 0; i < got.size(); ++i) {
    worst = std::max(worst, std::abs(double(got[i]) - double(expected[i])));
    largest = std::max(largest, std::abs(double(expected[i])));
    ASSERT_FALSE(std::isnan(got[i]));
  }
  EXPECT_LE(worst, tolerance * largest);
}

// folder/stem.safetensors once more as folder/target_stem.safetensors, in fp16.
inline void rewrite_as_half(const fs::path& folder, const std::string& stem, const std::string& target_stem) {
  const io::SafetensorsFile file = io::SafetensorsFile::open(folder / (stem + ".safetensors"));
  std::vector<std::vector<_Float16>> data;
  std::vector<io::TensorToSave> tensors;
  for (const io::TensorEntry& entry : file.entries()) {
    std::vector<_Float16> halves;
    if (entry.dtype == io::Dtype::kF32)
      for (const float value : values(file, entry.name)) halves.push_back(_Float16(value));
    data.push_back(std::move(halves));
  }
  for (size_t i = 0; i < data.size(); ++i) {
    const io::TensorEntry& entry = file.entries()[i];
    const bool half = entry.dtype == io::Dtype::kF32;
    tensors.push_back({entry.name, half ? io::Dtype::kF16 : entry.dtype, entry.shape,
                       half ? std::as_bytes(std::span(data[i])) : file.bytes(entry)});
  }
  io::save_safetensors(folder / (target_stem + ".safetensors"), tensors, file.metadata());
}

inline std::string shard_name(const std::string& stem, size_t shard) {
  return cat(stem, "-0000", shard + 1, "-of-00002.safetensors");
}

// folder/stem.safetensors in two shards with an index, in its place.
inline void split_into_shards(const fs::path& folder, const std::string& stem) {
  const fs::path file = folder / (stem + ".safetensors");
  const io::SafetensorsFile whole = io::SafetensorsFile::open(file);
  std::vector<io::TensorToSave> shards[2];
  nlohmann::json map;
  for (size_t i = 0; i < whole.entries().size(); ++i) {
    const io::TensorEntry& entry = whole.entries()[i];
    shards[i % 2].push_back({entry.name, entry.dtype, entry.shape, whole.bytes(entry)});
    map[entry.name] = shard_name(stem, i % 2);
  }
  for (size_t i = 0; i < 2; ++i) io::save_safetensors(folder / shard_name(stem, i), shards[i]);
  io::write_json(folder / (stem + ".safetensors.index.json"),
                 {{"metadata", {{"total_size", 1}}}, {"weight_map", map}});
  fs::remove(file);
}

}  // namespace gamut::testing
