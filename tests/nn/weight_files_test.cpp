// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/error.h"
#include "gamut/io/files.h"
#include "gamut/nn/params.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <unistd.h>

namespace gamut::nn {
namespace weight_files_test {

namespace fs = std::filesystem;

class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / cat("gamut_weight_files_test_", getpid())) {
    fs::create_directories(path_);
  }
  ~Folder() { fs::remove_all(path_); }
  fs::path operator/(const std::string& name) const { return path_ / name; }

 private:
  fs::path path_;
};

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(weight_files, every_type_and_layout_comes_back) {
  const Folder folder;
  std::vector<NamedTensor> saved{
      {"empty", at::empty({0, 3})},
      {"turned", at::arange(6, at::kFloat).view({2, 3}).t()},
      {"picture", at::rand({2, 3, 4, 5}).contiguous(at::MemoryFormat::ChannelsLast)}};
  for (const auto dtype : {at::kBool, at::kByte, at::kChar, at::kShort, at::kInt, at::kLong, at::kHalf,
                           at::kBFloat16, at::kFloat, at::kDouble}) {
    saved.push_back({cat("type ", dtype), at::arange(2).to(dtype)});
  }
  save_safetensors(folder / "x.safetensors", saved);
  const TensorMap loaded = load_safetensors(folder / "x.safetensors");
  ASSERT_EQ(loaded.size(), saved.size());
  for (const NamedTensor& tensor : saved) {
    EXPECT_EQ(loaded.at(tensor.name).scalar_type(), tensor.tensor.scalar_type()) << tensor.name;
    EXPECT_TRUE(at::equal(loaded.at(tensor.name), tensor.tensor)) << tensor.name;
  }
}

TEST(weight_files, shards_are_joined) {
  const Folder folder;
  save_safetensors(folder / "m-1.safetensors", {{"a", at::ones({2})}});
  save_safetensors(folder / "m-2.safetensors", {{"b", at::zeros({3})}});
  io::write_json(folder / "m.safetensors.index.json",
                 {{"weight_map", {{"a", "m-1.safetensors"}, {"b", "m-2.safetensors"}}}});
  const TensorMap loaded = load_safetensors(folder / "m.safetensors.index.json");
  EXPECT_TRUE(at::equal(loaded.at("a"), at::ones({2})));
  EXPECT_TRUE(at::equal(loaded.at("b"), at::zeros({3})));
}

TEST(weight_files, a_shard_outside_the_folder_is_refused) {
  const Folder folder;
  const fs::path index = folder / "m.safetensors.index.json";
  io::write_json(index, {{"weight_map", {{"a", "../elsewhere.safetensors"}}}});
  EXPECT_EQ(message_of([&] { load_safetensors(index); }),
            cat("[", index.string(),
                "] tensor 'a' names a shard that is no plain file name; got \"../elsewhere.safetensors\""));
}

TEST(weight_files, an_index_without_its_map_is_refused) {
  const Folder folder;
  const fs::path index = folder / "m.safetensors.index.json";
  io::write_json(index, {{"metadata", 1}});
  EXPECT_EQ(message_of([&] { load_safetensors(index); }),
            cat("[", index.string(),
                "] an index needs the object 'weight_map'; expected tensor name → shard file"));
}

TEST(weight_files, a_tensor_in_two_shards_is_refused) {
  const Folder folder;
  save_safetensors(folder / "m-1.safetensors", {{"a", at::ones({2})}});
  save_safetensors(folder / "m-2.safetensors", {{"a", at::ones({2})}});
  io::write_json(folder / "m.safetensors.index.json",
                 {{"weight_map", {{"a", "m-1.safetensors"}, {"b", "m-2.safetensors"}}}});
  EXPECT_EQ(
      message_of([&] { load_safetensors(folder / "m.safetensors.index.json"); }),
      cat("[", (folder / "m-2.safetensors").string(), "] tensor 'a' occurs in two shards; expected one"));
}

TEST(weight_files, a_missing_shard_is_named_with_its_index) {
  const Folder folder;
  const fs::path index = folder / "m.safetensors.index.json";
  io::write_json(index, {{"weight_map", {{"a", "m-3.safetensors"}}}});
  EXPECT_EQ(message_of([&] { map_safetensors(index); }),
            cat("[model] file '", (folder / "m-3.safetensors").string(), "', which '", index.string(),
                "' names, does not exist; is the model folder complete?"));
}

TEST(weight_files, mapped_tensors_equal_copied_ones_and_outlive_each_other) {
  const Folder folder;
  // The byte makes the types after it lie at odd places.
  save_safetensors(folder / "x.safetensors", {{"empty", at::empty({0, 3})},
                                              {"large", at::arange(100000, at::kFloat)},
                                              {"byte", at::ones({1}, at::kByte)},
                                              {"half", at::arange(100, at::kFloat).to(at::kHalf)},
                                              {"double", at::arange(30000, at::kDouble)}});
  const TensorMap loaded = load_safetensors(folder / "x.safetensors");
  TensorMap mapped = map_safetensors(folder / "x.safetensors");
  fs::remove(folder / "x.safetensors");
  const Tensor kept = mapped.at("large");
  for (const auto& [name, tensor] : loaded) {
    EXPECT_EQ(mapped.at(name).scalar_type(), tensor.scalar_type()) << name;
    EXPECT_TRUE(at::equal(mapped.at(name), tensor)) << name;
    mapped.erase(name);
  }
  EXPECT_TRUE(at::equal(kept, loaded.at("large")));
}

}  // namespace weight_files_test
}  // namespace gamut::nn
