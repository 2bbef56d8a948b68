// SPDX-License-Identifier: Apache-2.0
// An event file as TensorBoard reads it: scalars and pictures by step, `events.out.tfevents.*` in a run
// folder.
//
// The messages are tensorflow's Event, Summary and Image of protocol buffers, written by hand: four fields of
// each (docs/decisions/2026-11-23-event-files.md).
#pragma once

#include "gamut/io/files.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gamut::io {

struct EventSummary {
  std::vector<std::pair<std::string, double>> scalars = {};        // tag, value; kept as fp32
  std::vector<std::pair<std::string, std::string>> pictures = {};  // tag, the bytes of a PNG file
};

// Serialized Event messages. `wall_time` in seconds since 1970.
std::string version_event(double wall_time);
std::string summary_event(double wall_time, int64_t step, const EventSummary& summary);

class EventFile {
 public:
  // Goes on with the folder's event file: what is incomplete, or of a step beyond `last_step`, is cut off.
  // Begins one if there is none. EnvironmentError when it cannot be written.
  EventFile(const Path& folder, int64_t last_step);
  ~EventFile();
  EventFile(const EventFile&) = delete;
  EventFile& operator=(const EventFile&) = delete;

  void append(int64_t step, const EventSummary& summary);
  const Path& path() const { return path_; }

 private:
  void write(std::string_view bytes);
  Path path_;
  int descriptor_ = -1;
};

}  // namespace gamut::io
