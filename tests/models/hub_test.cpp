// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/hub.h"

#include "gamut/core/error.h"
#include "support/message_of.h"
#include "support/temp_folder.h"
#include "support/write_raw.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace gamut::models {
namespace hub_test {

namespace fs = std::filesystem;
using testing::message_of;

const std::string kCommit = "451f4fe16113bff5a5d2269ed5ad43b0592e9a14",
                  kOther = "39593d5650112b4cc580433f6b0435385882d819";

// The cache's variables as a test wants them, and what they were at its end.
class Environment {
 public:
  void set(const char* name, const fs::path& value) {
    keep(name);
    ::setenv(name, value.c_str(), 1);
  }
  void unset(const char* name) {
    keep(name);
    ::unsetenv(name);
  }
  ~Environment() {
    for (const auto& [name, value] : before_) value ? ::setenv(name, value->c_str(), 1) : ::unsetenv(name);
  }

 private:
  void keep(const char* name) {
    const char* value = std::getenv(name);
    before_.emplace_back(name, value ? std::optional<std::string>(value) : std::nullopt);
  }
  std::vector<std::pair<const char*, std::optional<std::string>>> before_;
};

// A cache as the Hub's own client lays it out: blobs, links to them per commit, names of commits.
struct Cache {
  testing::TempFolder folder;
  Environment environment;
  fs::path repository = folder.path() / "models--org--tiny.v1";

  Cache() {
    environment.set("HF_HUB_CACHE", folder.path());
    fs::create_directories(repository / "blobs");
    testing::write_raw(repository / "blobs/aa", "{}");
    for (const std::string& commit : {kCommit, kOther}) {
      fs::create_directories(repository / "snapshots" / commit);
      fs::create_symlink("../../blobs/aa", repository / "snapshots" / commit / "model_index.json");
    }
    fs::create_directories(repository / "refs/refs/pr");
    testing::write_raw(repository / "refs/main", kCommit);
    testing::write_raw(repository / "refs/refs/pr/1", kOther + "\n");
  }
  fs::path snapshot(const std::string& commit) const { return repository / "snapshots" / commit; }
};

TEST(hub, finds_a_snapshot_by_branch_reference_and_commit) {
  const Cache cache;
  EXPECT_EQ(find_model("org/tiny.v1"), cache.snapshot(kCommit));
  EXPECT_EQ(find_model("org/tiny.v1@main"), cache.snapshot(kCommit));
  EXPECT_EQ(find_model("org/tiny.v1@refs/pr/1"), cache.snapshot(kOther));
  EXPECT_EQ(find_model("org/tiny.v1@" + kOther), cache.snapshot(kOther));
}

TEST(hub, a_folder_of_that_name_goes_first) {
  const Cache cache;
  const testing::TempFolder here;
  const fs::path before = fs::current_path();
  fs::current_path(here.path());
  fs::create_directories("org/tiny.v1");
  EXPECT_EQ(find_model("org/tiny.v1"), fs::path("org/tiny.v1"));
  fs::current_path(before);
}

TEST(hub, the_cache_stands_where_the_variables_say) {
  Environment environment;
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"})
    environment.unset(name);
  environment.set("HOME", "/home/x");
  EXPECT_EQ(hub_cache(), fs::path("/home/x/.cache/huggingface/hub"));
  environment.set("XDG_CACHE_HOME", "/var/x");
  EXPECT_EQ(hub_cache(), fs::path("/var/x/huggingface/hub"));
  environment.set("HF_HOME", "~/hf");
  EXPECT_EQ(hub_cache(), fs::path("/home/x/hf/hub"));
  environment.set("HF_HUB_CACHE", "/cache");
  EXPECT_EQ(hub_cache(), fs::path("/cache"));
}

TEST(hub, what_is_missing_comes_with_its_download) {
  const Cache cache;
  const std::string files =
      " --include model_index.json --include 'scheduler/*.json' --include 'tokenizer*/*' --include "
      "'text_encoder*/config.json' --include 'text_encoder*/model*.safetensors*' --include unet/config.json "
      "--include "
      "'unet/diffusion_pytorch_model*.safetensors*' --include transformer/config.json --include "
      "'transformer/diffusion_pytorch_model*.safetensors*' --include vae/config.json --include "
      "'vae/diffusion_pytorch_model*.safetensors*'";
  EXPECT_EQ(
      message_of<EnvironmentError>([] { find_model("org/other"); }),
      "[model] 'org/other' is no folder here, and the Hugging Face cache does not hold it; looked in '" +
          cache.folder.path().string() + "'; to download what gamut reads: hf download org/other" + files);
  EXPECT_EQ(message_of<EnvironmentError>([] { find_model("org/tiny.v1@fp16"); }),
            "[model] 'org/tiny.v1@fp16' is no folder here, and the Hugging Face cache does not hold it; "
            "looked in '" +
                cache.folder.path().string() +
                "'; to download what gamut reads: hf download org/tiny.v1 --revision fp16" + files);
  fs::remove(cache.snapshot(kCommit) / "model_index.json");
  EXPECT_NE(message_of<EnvironmentError>([] {
              find_model("org/tiny.v1");
            }).find("what the Hugging Face cache holds of it has no model_index.json"),
            std::string::npos);
}

// A network alone, such as PickScore, has config.json where a pipeline has model_index.json.
TEST(hub, finds_a_network_by_its_config) {
  const Cache cache;
  EXPECT_EQ(message_of<EnvironmentError>([] { find_network("org/tiny.v1"); }),
            "[model] 'org/tiny.v1' is no folder here, and what the Hugging Face cache holds of it has no "
            "config.json; looked in '" +
                cache.folder.path().string() +
                "'; to download what gamut reads: hf download org/tiny.v1 --include '*.json' --include "
                "merges.txt --include "
                "'model*.safetensors*'");
  fs::create_symlink("../../blobs/aa", cache.snapshot(kCommit) / "config.json");
  EXPECT_EQ(find_network("org/tiny.v1"), cache.snapshot(kCommit));
  EXPECT_EQ(find_network("/nowhere/at/all"), fs::path("/nowhere/at/all"));
}

TEST(hub, other_names_are_paths) {
  for (const std::string name :
       {"", "tiny", "a/b/c", "/a/b", "../b", "a/..", "./a", "a/b@", "a/b@../c", "a b/c", "a/b@/x"})
    EXPECT_FALSE(parse_hub_name(name)) << name;
  EXPECT_EQ(find_model("/nowhere/at/all"), fs::path("/nowhere/at/all"));
}

// refs/ and names that lead out of the cache lead nowhere.
TEST(hub, a_reference_names_a_commit_and_no_path) {
  const Cache cache;
  testing::write_raw(cache.repository / "refs/main", "../../../elsewhere");
  EXPECT_NE(message_of<EnvironmentError>([] { find_model("org/tiny.v1"); }).find("does not hold it"),
            std::string::npos);
}

}  // namespace hub_test
}  // namespace gamut::models
