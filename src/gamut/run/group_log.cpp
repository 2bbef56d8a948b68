// SPDX-License-Identifier: Apache-2.0
#include "gamut/run/group_log.h"

#include "gamut/core/error.h"
#include "gamut/io/atlas.h"
#include "gamut/io/files.h"
#include "gamut/io/run_folder.h"
#include "gamut/nn/images.h"

#include <nlohmann/json.hpp>

namespace gamut::run {
namespace {

constexpr int64_t kColumns = 8, kMaxSide = 128;  // pictures per row; pixels of a stored picture's longer side

io::Image small_atlas(const at::Tensor& pictures) {
  std::vector<io::Image> small;
  for (const io::Image& picture : nn::tensor_to_images(pictures))
    small.push_back(io::shrunk(picture, kMaxSide));
  return io::atlas(small, kColumns);
}

}  // namespace

void RecordConfig::fields(FieldVisitor& v) {
  v.field("groups", groups, between(0, 64),
          "prompts whose training group is kept at the first iteration and at evaluations, for the report; 0 "
          "= none");
}

void log_groups(const std::filesystem::path& run, const train::CreditView& view, int64_t count, bool writes) {
  if (count == 0) return;
  const std::vector<train::GroupRecord> groups = train::group_records(view, count);
  if (!writes) return;
  std::filesystem::create_directory(run / "groups");
  io::JsonLines lines(run / "groups.jsonl");
  int64_t number = 0;
  for (const train::GroupRecord& group : groups) {
    const std::string file = cat("groups/", io::step_name(view.step), "_", number++, ".png");
    io::save_png(run / file, small_atlas(group.pictures));
    nlohmann::ordered_json row = group.to_json();
    row["file"] = file;
    row["columns"] = kColumns;
    lines.append(row);
  }
}

}  // namespace gamut::run
