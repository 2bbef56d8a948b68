// SPDX-License-Identifier: Apache-2.0
#include "gamut/io/run_lock.h"

#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/core/names.h"
#include "gamut/io/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace gamut::io {
namespace {

namespace fs = std::filesystem;

// "process 123" by what the holder wrote; "another process" while it is still writing.
std::string holder(int descriptor) {
  char text[32] = {};
  const ssize_t count = ::pread(descriptor, text, sizeof text - 1, 0);
  return count > 0 ? "process " + printable(std::string(text, size_t(count))) : "another process";
}

}  // namespace

RunLock::RunLock(const fs::path& folder) : folder_(folder) {
  const fs::path path = folder / "lock";
  // Closed on exec: a child must not hold what its parent let go of.
  descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor_ < 0)
    throw EnvironmentError("run", cat("cannot write '", path.string(), "'; got '", error_text(errno),
                                      "'; name a writable place with --run"));
  int result = 0;
  while ((result = ::flock(descriptor_, LOCK_EX | LOCK_NB)) != 0 && errno == EINTR) continue;
  const int error_number = result == 0 ? 0 : errno;
  struct stat status {};
  if (::stat(folder.c_str(), &status) == 0) {
    device_ = status.st_dev;
    inode_ = status.st_ino;
  }
  if (error_number == 0) {
    const std::string pid = std::to_string(::getpid());
    if (::ftruncate(descriptor_, 0) != 0 || ::pwrite(descriptor_, pid.data(), pid.size(), 0) < 0)
      log_debug(cat("the lock ", path.string(), " does not name its process"));
    return;
  }
  const std::string other = holder(descriptor_);
  ::close(descriptor_);
  descriptor_ = -1;
  if (error_number == EWOULDBLOCK)
    throw EnvironmentError("run", cat(other, " is writing into '", folder.string(),
                                      "'; wait until it ends, or name another folder"));
  log_warning(cat("'", folder.string(), "' is on a file system without locks; got '",
                  error_text(error_number), "'; nothing keeps a second process from writing into it"));
}

void RunLock::check_folder() const {
  struct stat status {};
  const int error_number = ::stat(folder_.c_str(), &status) == 0 ? 0 : errno;
  if (error_number == 0 && status.st_dev == device_ && status.st_ino == inode_) return;
  const std::string got =
      error_number == 0 ? "another folder there" : cat("'", error_text(error_number), "'");
  throw EnvironmentError("run",
                         cat("the run folder '", folder_.string(),
                             "' was moved, removed or replaced while the run went on; got ", got,
                             "; put it back, or name its new place with --run, and go on with --resume"));
}

bool is_locked(const fs::path& folder) {
  const int descriptor = ::open((folder / "lock").c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return false;
  // Shared, so that two who ask do not see each other; freed with the descriptor.
  const bool locked = ::flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(descriptor);
  return locked;
}

RunLock::~RunLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace gamut::io
