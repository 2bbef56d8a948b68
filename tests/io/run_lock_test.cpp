// SPDX-License-Identifier: Apache-2.0
#include "gamut/io/run_lock.h"

#include "gamut/core/error.h"
#include "support/message_of.h"
#include "support/temp_folder.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>

namespace gamut::io {
namespace run_lock_test {

using testing::message_of;

TEST(run_lock, refuses_a_second_writer_and_names_the_first) {
  const testing::TempFolder folder;
  const RunLock first(folder.path());
  EXPECT_EQ(message_of<EnvironmentError>([&] { RunLock second(folder.path()); }),
            cat("[run] process ", ::getpid(), " is writing into '", folder.path().string(),
                "'; wait until it ends, or name another folder"));
}

TEST(run_lock, is_free_again_afterwards) {
  const testing::TempFolder folder;
  { const RunLock first(folder.path()); }
  EXPECT_TRUE(std::filesystem::exists(folder / "lock"));
  EXPECT_NO_THROW(RunLock(folder.path()));
}

// A child takes the lock, says so, and is killed.
TEST(run_lock, of_a_killed_process_is_no_obstacle) {
  const testing::TempFolder folder;
  int pipe_ends[2];
  ASSERT_EQ(::pipe(pipe_ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto* kept = new RunLock(folder.path());
    ::_exit(::write(pipe_ends[1], &kept, 1) == 1 ? ::pause() : 1);
  }
  char byte = 0;
  ASSERT_EQ(::read(pipe_ends[0], &byte, 1), 1);
  EXPECT_THROW(RunLock(folder.path()), EnvironmentError);
  ::kill(child, SIGKILL);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_NO_THROW(RunLock(folder.path()));
  ::close(pipe_ends[0]);
  ::close(pipe_ends[1]);
}

TEST(run_lock, can_be_asked_for) {
  const testing::TempFolder folder;
  EXPECT_FALSE(is_locked(folder.path()));
  {
    const RunLock held(folder.path());
    EXPECT_TRUE(is_locked(folder.path()));
  }
  EXPECT_FALSE(is_locked(folder.path()));
}

TEST(run_lock, needs_a_folder_to_write_in) {
  EXPECT_EQ(message_of<EnvironmentError>([] { RunLock("/proc/nowhere"); }),
            "[run] cannot write '/proc/nowhere/lock'; got 'No such file or directory'; name a writable place "
            "with --run");
}

TEST(run_lock, notices_that_its_folder_went) {
  const testing::TempFolder folder;
  const std::filesystem::path run = folder / "run", away = folder / "away";
  std::filesystem::create_directory(run);
  const RunLock lock(run);
  EXPECT_NO_THROW(lock.check_folder());
  std::filesystem::rename(run, away);
  EXPECT_EQ(message_of<EnvironmentError>([&] { lock.check_folder(); }),
            "[run] the run folder '" + run.string() +
                "' was moved, removed or replaced while the run went on; got 'No such file or directory'; "
                "put it back, or "
                "name its new place with --run, and go on with --resume");
  std::filesystem::create_directory(run);
  EXPECT_THROW(lock.check_folder(), EnvironmentError) << "another folder of the same name";
  std::filesystem::remove(run);
  std::filesystem::rename(away, run);
  EXPECT_NO_THROW(lock.check_folder());
}

}  // namespace run_lock_test
}  // namespace gamut::io
