// SPDX-License-Identifier: Apache-2.0
// What a run measures, for TensorBoard: every number of metrics.jsonl and evals.jsonl as a scalar, and the
// sheets.
#pragma once

#include "gamut/io/event_file.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <filesystem>

namespace gamut::train {

class EventLog {
 public:
  // `last_step`: events of later steps are cut off, as the rows of the JSON files are.
  EventLog(const std::filesystem::path& run, int64_t last_step) : file_(run, last_step) {}

  // Numbers as "train/<key>", true as 1.
  void add_metrics(const nlohmann::ordered_json& row);
  // Numbers as "eval/<key>"; what is not the main evaluation says so: "eval/report/heldout/<key>". The sheet,
  // a PNG file or "", as the picture "samples", "heldout/samples".
  void add_evaluation(const nlohmann::ordered_json& row, const std::filesystem::path& sheet);

 private:
  io::EventFile file_;
};

}  // namespace gamut::train
