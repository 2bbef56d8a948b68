// SPDX-License-Identifier: Apache-2.0
#include "gamut/io/inside.h"

#include "gamut/io/files.h"
#include "support/temp_folder.h"
#include "support/write_raw.h"

#include <gtest/gtest.h>

namespace gamut::io {
namespace inside_test {

namespace fs = std::filesystem;
using testing::TempFolder;
using testing::write_raw;

TEST(inside, follows_links_to_where_they_lead) {
  const TempFolder folder;
  fs::create_directories(folder / "model/unet");
  write_raw(folder / "model/unet/config.json", "{}");
  write_raw(folder / "secret", "x");
  fs::create_symlink("config.json", folder / "model/unet/alias.json");
  fs::create_symlink("../../secret", folder / "model/unet/notes.txt");
  fs::create_directory_symlink(folder / "model", folder / "link");
  EXPECT_TRUE(lies_within(folder / "model", folder / "model/unet/config.json"));
  EXPECT_TRUE(lies_within(folder / "link", folder / "link/unet/alias.json"));
  EXPECT_TRUE(lies_within(folder / "model/", folder / "model/unet/config.json"));
  EXPECT_FALSE(lies_within(folder / "model", folder / "model/unet/notes.txt"));
  EXPECT_FALSE(lies_within(folder / "model/unet", folder / "model/unet/../../secret"));
  EXPECT_FALSE(lies_within(folder / "model", folder / "model/none"));
}

TEST(inside, the_hugging_face_cache_keeps_its_blobs) {
  const TempFolder folder;
  const fs::path repo = folder / "models--a--b", snapshot = repo / "snapshots/0123";
  fs::create_directories(repo / "blobs");
  fs::create_directories(snapshot / "unet");
  write_raw(repo / "blobs/ab12", "{}");
  write_raw(repo / "refs", "x");
  fs::create_symlink("../../../blobs/ab12", snapshot / "unet/config.json");
  fs::create_symlink("../../../refs", snapshot / "unet/notes.txt");
  EXPECT_TRUE(lies_within(snapshot, snapshot / "unet/config.json"));
  EXPECT_FALSE(lies_within(snapshot, snapshot / "unet/notes.txt"));
  // Blobs that lead elsewhere are no blobs.
  fs::rename(repo / "blobs", folder / "elsewhere");
  fs::create_directory_symlink(folder / "elsewhere", repo / "blobs");
  EXPECT_FALSE(lies_within(snapshot, snapshot / "unet/config.json"));
}

TEST(inside, copies_stop_at_the_border) {
  const TempFolder folder;
  fs::create_directories(folder / "base/unet");
  write_raw(folder / "base/unet/config.json", "{}");
  write_raw(folder / "secret", "x");
  fs::create_symlink("../../secret", folder / "base/unet/notes.txt");
  fs::create_directory_symlink("..", folder / "base/up");
  copy_folder(folder / "base", folder / "copy");
  EXPECT_EQ(read_text(folder / "copy/unet/config.json"), "{}");
  EXPECT_FALSE(fs::exists(folder / "copy/unet/notes.txt"));
  EXPECT_FALSE(fs::exists(folder / "copy/up"));
}

}  // namespace inside_test
}  // namespace gamut::io
