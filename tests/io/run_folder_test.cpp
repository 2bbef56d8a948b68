// SPDX-License-Identifier: Apache-2.0
#include "gamut/io/run_folder.h"

#include "gamut/core/error.h"
#include "support/message_of.h"
#include "support/temp_folder.h"

#include <gtest/gtest.h>

namespace gamut::io {
namespace run_folder_test {

namespace fs = std::filesystem;
using testing::message_of;

TEST(run_folder, is_made_with_its_parents) {
  const testing::TempFolder folder;
  create_run_folder(folder / "a/b/");
  EXPECT_TRUE(fs::is_directory(folder / "a/b/samples"));
  EXPECT_TRUE(fs::is_directory(folder / "a/b/checkpoints"));
}

TEST(run_folder, is_never_shared) {
  const testing::TempFolder folder;
  create_run_folder(folder / "run");
  EXPECT_EQ(message_of<ConfigError>([&] { create_run_folder(folder / "run"); }),
            cat("[run] the run folder '", (folder / "run").string(),
                "' exists already; use --resume to go on with it, or another --run"));
}

TEST(run_folder, names_steps_so_that_they_sort) {
  EXPECT_EQ(step_name(50), "step_000050");
  EXPECT_EQ(step_name(1234567), "step_1234567");
}

}  // namespace run_folder_test
}  // namespace gamut::io
