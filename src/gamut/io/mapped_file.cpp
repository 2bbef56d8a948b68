// SPDX-License-Identifier: Apache-2.0
#include "gamut/io/mapped_file.h"

#include "gamut/core/error.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <system_error>

namespace gamut::io {
namespace {

[[noreturn]] void fail_to_read(const std::filesystem::path& path, std::string_view why) {
  throw EnvironmentError("safetensors", cat("cannot read '", path.string(), "'; got '", why, "'"));
}

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail_to_read(path, std::generic_category().message(errno));
  struct stat status {};
  const bool regular = ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
  int error_number = 0;
  if (regular && status.st_size > 0) {
    size_ = size_t(status.st_size);
    address_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, descriptor, 0);
    error_number = address_ == MAP_FAILED ? errno : 0;
  }
  ::close(descriptor);
  if (!regular) fail_to_read(path, "not a regular file");
  if (error_number != 0) fail_to_read(path, std::generic_category().message(error_number));
}

MappedFile::~MappedFile() {
  if (size_ > 0) ::munmap(address_, size_);
}

void MappedFile::release(std::span<const std::byte> part) const noexcept {
  // The map begins on a page.
  const size_t page = size_t(::sysconf(_SC_PAGESIZE)), from = size_t(part.data() - bytes().data());
  const size_t first = (from + page - 1) / page * page, last = (from + part.size()) / page * page;
  if (first < last) ::madvise(static_cast<std::byte*>(address_) + first, last - first, MADV_DONTNEED);
}

}  // namespace gamut::io
