// SPDX-License-Identifier: Apache-2.0
#include "gamut/io/files.h"

#include "gamut/core/content.h"
#include "gamut/core/error.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <system_error>

namespace gamut::io {
namespace {

[[noreturn]] void fail_to_write(const Path& path, int error_number) {
  throw EnvironmentError("files", cat("cannot write '", path.string(), "'; got '", error_text(error_number),
                                      "'; any earlier file is untouched"));
}

void write_all(int descriptor, std::string_view bytes, const Path& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_to_write(path, errno);
    bytes.remove_prefix(size_t(written));
  }
}

// A rename is durable only once its folder is. Some file systems cannot sync folders; that is not the user's
// error.
void sync_folder(const Path& folder) {
  const int descriptor = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

}  // namespace

std::string error_text(int error_number) { return std::generic_category().message(error_number); }

void check_still_at(const Path& path, int descriptor) {
  struct stat open {
  }, named{};
  const int error_number = ::stat(path.c_str(), &named) == 0 ? 0 : errno;
  const bool same = error_number == 0 && ::fstat(descriptor, &open) == 0 && open.st_dev == named.st_dev &&
                    open.st_ino == named.st_ino;
  if (same) return;
  const std::string got = error_number == 0 ? "another file there" : cat("'", error_text(error_number), "'");
  throw EnvironmentError(
      "files", cat("'", path.string(), "' was moved, removed or replaced while it was written; got ", got,
                   "; what was written before is where it went"));
}

std::string read_text(const Path& path, size_t max_bytes) {
  const auto fail = [&](int error_number) {
    throw EnvironmentError("files",
                           cat("cannot read '", path.string(), "'; got '", error_text(error_number), "'"));
  };
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail(errno);
  struct stat status {};
  std::string text;
  if (::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) && size_t(status.st_size) <= max_bytes) {
    text.reserve(size_t(status.st_size) + 1);
  }
  std::string chunk(size_t{1} << 16, '\0');
  ssize_t count = 0;
  int error_number = 0;
  do {
    count = ::read(descriptor, chunk.data(), chunk.size());
    if (count < 0 && errno != EINTR) error_number = errno;
    if (count > 0) text.append(chunk, 0, size_t(count));
  } while (error_number == 0 && count != 0 && text.size() <= max_bytes);
  ::close(descriptor);
  if (error_number != 0) fail(error_number);
  if (text.size() > max_bytes) {
    throw DataError("files",
                    cat("'", path.string(), "' is too large; expected at most ", max_bytes, " bytes"));
  }
  return text;
}

std::string read_utf8(const Path& path, size_t max_bytes) {
  std::string text = read_text(path, max_bytes);
  if (const std::string foreign = foreign_content(text); !foreign.empty())
    throw DataError("files", cat("'", path.string(), "' must be text of its kind; got ", foreign));
  if (const std::string problem = utf8_problem(text); !problem.empty())
    throw DataError("files", cat("'", path.string(), "' ", problem));
  text.erase(0, text.size() - without_mark(text).size());
  return text;
}

AtomicFile::AtomicFile(Path path) : path_(std::move(path)), target_(path_) {
  std::error_code ignored;
  if (std::filesystem::is_symlink(path_, ignored)) {
    target_ = std::filesystem::weakly_canonical(path_, ignored);
    if (ignored) target_ = path_;
  }
  const auto status = std::filesystem::status(target_, ignored);
  if (std::filesystem::is_directory(status)) fail_to_write(path_, EISDIR);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    // Renaming over a device would remove the device.
    descriptor_ = ::open(target_.c_str(), O_WRONLY | O_CLOEXEC);
  } else {
    static std::atomic<unsigned> serial{0};
    temporary_ = target_;
    temporary_ += cat(".tmp-", ::getpid(), "-", serial++);
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  }
  if (descriptor_ < 0) fail_to_write(path_, errno);
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::string_view bytes) { write_all(descriptor_, bytes, path_); }

void AtomicFile::commit() {
  GAMUT_CHECK(descriptor_ >= 0, "committed twice: ", path_.string());
  if (!temporary_.empty() && ::fsync(descriptor_) != 0) fail_to_write(path_, errno);
  if (!temporary_.empty() && ::rename(temporary_.c_str(), target_.c_str()) != 0) fail_to_write(path_, errno);
  ::close(descriptor_);
  descriptor_ = -1;
  if (!temporary_.empty()) sync_folder(target_.parent_path());
}

void write_atomically(const Path& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

}  // namespace gamut::io
