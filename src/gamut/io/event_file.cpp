// SPDX-License-Identifier: Apache-2.0
#include "gamut/io/event_file.h"

#include "gamut/core/error.h"
#include "gamut/io/tf_records.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <chrono>
#include <system_error>

namespace gamut::io {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPrefix = "events.out.tfevents.";

// Protocol buffers' wire format: a key (number and wire type), then the value. Fields stand in order of
// number, and zero is not written where the schema gives a field no presence.
class Message {
 public:
  void add_int(unsigned number, int64_t value) {
    if (value == 0) return;
    add_varint(number << 3);
    add_varint(uint64_t(value));
  }
  void add_double(unsigned number, double value) {
    add_varint(number << 3 | 1);
    add_bits(std::bit_cast<uint64_t>(value));
  }
  void add_float(unsigned number, float value) {
    add_varint(number << 3 | 5);
    add_bits(std::bit_cast<uint32_t>(value));
  }
  void add_bytes(unsigned number, std::string_view value) {
    add_varint(number << 3 | 2);
    add_varint(value.size());
    bytes.append(value);
  }
  std::string bytes;

 private:
  void add_varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes.push_back(char(uint8_t(value | 0x80)));
    bytes.push_back(char(uint8_t(value)));
  }
  template <class Unsigned>
  void add_bits(Unsigned value) {
    for (size_t i = 0; i < sizeof value; ++i) bytes.push_back(char(uint8_t(value >> (8 * i))));
  }
};

// Width or height in a PNG file's first chunk.
int64_t png_side(std::string_view png, size_t offset) {
  GAMUT_CHECK(png.size() >= 24 && png.substr(1, 3) == "PNG", "not a PNG file");
  int64_t side = 0;
  for (size_t i = 0; i < 4; ++i) side = side << 8 | uint8_t(png[offset + i]);
  return side;
}

std::string image(std::string_view png) {
  constexpr int64_t kRgb = 3;
  Message out;
  out.add_int(1, png_side(png, 20));
  out.add_int(2, png_side(png, 16));
  out.add_int(3, kRgb);
  out.add_bytes(4, png);
  return out.bytes;
}

// The step of an event: field 2, after the wall time. Absent = 0.
int64_t step_of(std::string_view event) {
  constexpr size_t kAfterTime = 9;
  if (event.size() <= kAfterTime || event[kAfterTime] != 0x10) return 0;
  uint64_t step = 0;
  for (size_t i = kAfterTime + 1, shift = 0; i < event.size() && shift < 64; ++i, shift += 7) {
    step |= uint64_t(uint8_t(event[i]) & 0x7F) << shift;
    if ((uint8_t(event[i]) & 0x80) == 0) break;
  }
  return int64_t(step);
}

// Bytes of the events up to `last_step`; steps never fall within a file.
size_t kept_bytes(std::string_view bytes, int64_t last_step) {
  size_t end = 0;
  for (auto record = record_at(bytes, 0); record && step_of(record->data) <= last_step;
       record = record_at(bytes, end))
    end = record->end;
  return end;
}

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// The folder's newest event file, or a name for one.
Path event_path(const Path& folder) {
  std::vector<Path> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (entry.path().filename().string().starts_with(kPrefix)) found.push_back(entry.path());
  if (!found.empty()) return *std::max_element(found.begin(), found.end());
  return folder / cat(kPrefix, int64_t(now()), ".gamut");
}

}  // namespace

std::string version_event(double wall_time) {
  Message event;
  event.add_double(1, wall_time);
  event.add_bytes(3, "brain.Event:2");
  return event.bytes;
}

std::string summary_event(double wall_time, int64_t step, const EventSummary& summary) {
  Message values;
  for (const auto& [tag, value] : summary.scalars) {
    Message one;
    one.add_bytes(1, tag);
    one.add_float(2, float(value));
    values.add_bytes(1, one.bytes);
  }
  for (const auto& [tag, png] : summary.pictures) {
    Message one;
    one.add_bytes(1, tag);
    one.add_bytes(4, image(png));
    values.add_bytes(1, one.bytes);
  }
  Message event;
  event.add_double(1, wall_time);
  event.add_int(2, step);
  event.add_bytes(5, values.bytes);
  return event.bytes;
}

EventFile::EventFile(const Path& folder, int64_t last_step) : path_(event_path(folder)) {
  const size_t kept = fs::exists(path_) ? kept_bytes(read_text(path_), last_step) : 0;
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (descriptor_ < 0 || ::ftruncate(descriptor_, off_t(kept)) != 0)
    throw EnvironmentError("files", cat("cannot open '", path_.string(), "' for appending; got '",
                                        std::generic_category().message(errno), "'"));
  if (kept == 0) write(framed_record(version_event(now())));
}

EventFile::~EventFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void EventFile::append(int64_t step, const EventSummary& summary) {
  write(framed_record(summary_event(now(), step, summary)));
}

void EventFile::write(std::string_view bytes) {
  check_still_at(path_, descriptor_);
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0)
      throw EnvironmentError("files", cat("cannot append to '", path_.string(), "'; got '",
                                          std::generic_category().message(errno), "'"));
    bytes.remove_prefix(size_t(written));
  }
}

}  // namespace gamut::io
