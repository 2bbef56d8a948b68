// SPDX-License-Identifier: Apache-2.0
#include "gamut/run/stored_run.h"

#include "gamut/core/error.h"
#include "gamut/io/files.h"
#include "gamut/io/run_folder.h"
#include "gamut/nn/images.h"
#include "gamut/nn/params.h"

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace gamut::run {
namespace {

StoredEvaluation read_row(const std::filesystem::path& run, const nlohmann::json& row) {
  const int64_t step = row.at("step").get<int64_t>();
  const nn::TensorMap stored = nn::load_safetensors(run / "samples" / (io::step_name(step) + ".safetensors"));
  const auto pictures = stored.find("pictures");
  const bool usable = pictures != stored.end() && pictures->second.scalar_type() == at::kByte &&
                      pictures->second.dim() == 4 && pictures->second.size(1) == 3 &&
                      pictures->second.numel() > 0;
  if (!usable)
    throw DataError("run", cat((run / "samples" / io::step_name(step)).string(),
                               ".safetensors must hold the tensor 'pictures' [B, 3, H, W] as bytes",
                               pictures == stored.end() ? ""
                                                        : cat("; got ", pictures->second.scalar_type(), " ",
                                                              pictures->second.sizes())));
  return {.step = step,
          .numbers = eval::evaluation_from_json(row),
          .pictures = pictures->second.to(at::kFloat) / 255};
}

// One pass of each evaluation, by default the main one.
std::vector<nlohmann::json> rows_with_steps(const std::filesystem::path& run,
                                            const eval::EvalPass& pass = {}) {
  std::vector<nlohmann::json> rows;
  for (nlohmann::json& row : io::read_json_lines(run / "evals.jsonl"))
    if (row.is_object() && row.contains("step") && row["step"].is_number_integer() &&
        eval::pass_of(row) == pass)
      rows.push_back(std::move(row));
  return rows;
}

}  // namespace

StoredEvaluation evaluation_at(const std::filesystem::path& run, int64_t step) {
  for (const nlohmann::json& row : rows_with_steps(run))
    if (row.at("step") == step) return read_row(run, row);
  throw DataError("run", cat((run / "evals.jsonl").string(), " has no row for step ", step));
}

StoredEvaluation last_evaluation(const std::filesystem::path& run) {
  const std::vector<nlohmann::json> rows = rows_with_steps(run);
  if (rows.empty()) throw DataError("run", cat((run / "evals.jsonl").string(), " holds no evaluation"));
  return read_row(run, rows.back());
}

std::set<int64_t> evaluated_steps(const std::filesystem::path& run) {
  std::set<int64_t> steps;
  for (const nlohmann::json& row : rows_with_steps(run)) steps.insert(row.at("step").get<int64_t>());
  return steps;
}

std::optional<eval::Evaluation> raw_evaluation_at(const std::filesystem::path& run, int64_t step) {
  for (const nlohmann::json& row : rows_with_steps(run, {.weights = "raw"}))
    if (row.at("step") == step) return eval::evaluation_from_json(row);
  return std::nullopt;
}

void check_records(const std::filesystem::path& run, int64_t last,
                   const std::function<bool(int64_t)>& is_evaluated) {
  const auto refuse = [&](const char* file, const char* what, int64_t missing) {
    throw DataError(
        "run", cat("'", (run / file).string(), "' must hold ", what, " up to the checkpoint at step ", last,
                   "; got none of step ", missing, "; put the file back, or remove '",
                   (run / "checkpoints").string(), "' to start from the beginning"));
  };
  int64_t trained = 0;
  if (std::filesystem::exists(run / "metrics.jsonl"))
    io::visit_json_lines(run / "metrics.jsonl", [&](nlohmann::json&& row) {
      if (row.is_object() && row.contains("step") && row["step"] == trained + 1) ++trained;
    });
  if (trained < last) refuse("metrics.jsonl", "a row of each step", trained + 1);
  const std::set<int64_t> evaluated =
      std::filesystem::exists(run / "evals.jsonl") ? evaluated_steps(run) : std::set<int64_t>{};
  for (int64_t step = 0; step <= last; ++step)
    if (is_evaluated(step) && !evaluated.contains(step)) refuse("evals.jsonl", "each evaluation", step);
  evaluation_at(run, 0);  // with its pictures, which the end of the run shows
}

std::vector<std::vector<io::Image>> sheet_rows(const at::Tensor& pictures, size_t prompts, int64_t most) {
  const int64_t members = pictures.size(0) / int64_t(prompts);
  if (members == 0 || pictures.size(0) % int64_t(prompts) != 0)
    throw DataError("run", cat("the stored pictures must be as many for each of ", prompts, " prompts; got ",
                               pictures.size(0), "; were the prompts changed?"));
  std::vector<std::vector<io::Image>> rows;
  for (size_t p = 0; p < prompts; ++p)
    rows.push_back(nn::tensor_to_images(pictures.narrow(0, int64_t(p) * members, std::min(members, most))));
  return rows;
}

io::SheetOptions sheet_options(const std::vector<text::Prompt>& prompts) {
  io::SheetOptions options;
  for (const text::Prompt& prompt : prompts)
    options.row_labels.push_back(prompt.target.empty() ? prompt.text : prompt.target);
  return options;
}

}  // namespace gamut::run
