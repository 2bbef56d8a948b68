// SPDX-License-Identifier: Apache-2.0
#include "gamut/io/files.h"

#include "gamut/core/error.h"
#include "support/message_of.h"
#include "support/small_disk.h"
#include "support/temp_folder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

namespace gamut::io {
namespace files_test {

using gamut::testing::message_of;
using gamut::testing::SmallDisk;
using gamut::testing::TempFolder;

size_t files_in(const Path& folder) {
  const auto entries = std::filesystem::directory_iterator(folder);
  return size_t(std::distance(begin(entries), end(entries)));
}

TEST(files, what_is_written_is_read) {
  const TempFolder folder;
  const std::string bytes("a\0\xff\nb", 5);
  for (const std::string& text : {bytes, std::string(), std::string(300'000, 'x')}) {
    write_atomically(folder / "f", text);
    EXPECT_EQ(read_text(folder / "f"), text);
    EXPECT_EQ(files_in(folder.path()), 1u);  // no temporary file is left
  }
}

TEST(files, reading_has_a_limit) {
  const TempFolder folder;
  write_atomically(folder / "f", "12345");
  EXPECT_EQ(read_text(folder / "f", 5), "12345");
  EXPECT_EQ(message_of<DataError>([&] { read_text(folder / "f", 4); }),
            "[files] '" + (folder / "f").string() + "' is too large; expected at most 4 bytes");
}

TEST(files, missing_files_and_folders_are_environment_errors) {
  const TempFolder folder;
  EXPECT_EQ(message_of<EnvironmentError>([&] { read_text(folder / "none"); }),
            "[files] cannot read '" + (folder / "none").string() + "'; got 'No such file or directory'");
  EXPECT_EQ(message_of<EnvironmentError>([&] { read_text(folder.path()); }),
            "[files] cannot read '" + folder.path().string() + "'; got 'Is a directory'");
  EXPECT_EQ(message_of<EnvironmentError>([&] { write_atomically(folder / "none/f", "x"); }),
            "[files] cannot write '" + (folder / "none/f").string() +
                "'; got 'No such file or directory'; any earlier file is untouched");
  EXPECT_EQ(message_of<EnvironmentError>([&] { write_atomically(folder.path(), "x"); }),
            "[files] cannot write '" + folder.path().string() +
                "'; got 'Is a directory'; any earlier file is untouched");
}

TEST(files, a_full_disk_is_an_environment_error) {
  EXPECT_EQ(message_of<EnvironmentError>([] { write_atomically("/dev/full", "x"); }),
            "[files] cannot write '/dev/full'; got 'No space left on device'; any earlier file is untouched");
}

TEST(files, a_disk_that_fills_up_leaves_the_earlier_file) {
  const TempFolder folder;
  write_atomically(folder / "f", "earlier");
  std::string message;
  {
    const SmallDisk small(1000);
    message = message_of<EnvironmentError>([&] { write_atomically(folder / "f", std::string(5000, 'x')); });
  }
  EXPECT_NE(message.find("got 'File too large'"), std::string::npos) << message;
  EXPECT_EQ(read_text(folder / "f"), "earlier");
  EXPECT_EQ(files_in(folder.path()), 1u);
}

TEST(files, without_commit_nothing_remains) {
  const TempFolder folder;
  write_atomically(folder / "f", "earlier");
  {
    AtomicFile file(folder / "f");
    file.write("half");
    EXPECT_EQ(read_text(folder / "f"), "earlier");
  }
  EXPECT_EQ(read_text(folder / "f"), "earlier");
  EXPECT_EQ(files_in(folder.path()), 1u);
}

TEST(files, pieces_are_joined) {
  const TempFolder folder;
  AtomicFile file(folder / "f");
  file.write("one ");
  file.write("");
  file.write("two");
  file.commit();
  EXPECT_EQ(read_text(folder / "f"), "one two");
  EXPECT_THROW(file.commit(), InternalError);
}

TEST(files, links_are_followed) {
  const TempFolder folder;
  write_atomically(folder / "real", "earlier");
  std::filesystem::create_symlink("real", folder / "link");
  write_atomically(folder / "link", "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_EQ(read_text(folder / "real"), "new");
}

TEST(files, devices_are_written_to_and_stay) {
  write_atomically("/dev/null", "x");
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST(files, unwritable_folders_are_environment_errors) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write anywhere";
  const TempFolder folder;
  std::filesystem::permissions(folder.path(),
                               std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  const std::string message = message_of<EnvironmentError>([&] { write_atomically(folder / "f", "x"); });
  EXPECT_NE(message.find("got 'Permission denied'"), std::string::npos) << message;
}

}  // namespace files_test
}  // namespace gamut::io
