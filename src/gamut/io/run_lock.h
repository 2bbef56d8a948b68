// SPDX-License-Identifier: Apache-2.0
// One writer per run folder: holds FOLDER/lock until destroyed. The kernel lets go of it when the process
// ends, however it ends, so the file that stays behind is no obstacle.
#pragma once

#include <cstdint>
#include <filesystem>

namespace gamut::io {

class RunLock {
 public:
  // The folder must exist. EnvironmentError naming the process that holds the lock already.
  explicit RunLock(const std::filesystem::path& folder);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

  // EnvironmentError when the folder's path no longer leads to the folder that was locked: it was moved,
  // removed or replaced, and what is written now would not be found with the rest.
  void check_folder() const;

 private:
  std::filesystem::path folder_;
  uint64_t device_ = 0, inode_ = 0;  // of the folder
  int descriptor_ = -1;              // -1 on a file system without locks
};

// Whether a process holds the folder's lock now. False without a lock, and where it cannot be read.
bool is_locked(const std::filesystem::path& folder);

}  // namespace gamut::io
