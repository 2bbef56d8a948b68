// SPDX-License-Identifier: Apache-2.0
#include "gamut/run/base_traces.h"

#include "gamut/core/error.h"
#include "gamut/nn/params.h"

#include <ATen/ATen.h>

namespace gamut::run {
namespace {

namespace fs = std::filesystem;

// Raw weights draw what averaged ones draw, and have the same base.
fs::path trace_file(const fs::path& run, const eval::EvalPass& pass) {
  return run / "samples" / cat("base_", pass.role, "_", pass.set, ".safetensors");
}

}  // namespace

void save_base_trace(const fs::path& run, const eval::EvalPass& pass, const eval::Trace& trace) {
  nn::save_safetensors(trace_file(run, pass), {{"features", trace.features_BD.contiguous()},
                                               {"norms", trace.norms_SB.contiguous()}});
}

eval::BasePass base_pass(const fs::path& run, const eval::EvalPass& pass, int64_t step) {
  if (step == 0) return {.is_measured = true};
  const fs::path file = trace_file(run, pass);
  if (!fs::exists(file)) return {};
  const nn::TensorMap stored = nn::load_safetensors(file);
  const auto features = stored.find("features"), norms = stored.find("norms");
  if (features == stored.end() || norms == stored.end() || features->second.dim() != 2 ||
      norms->second.dim() != 2)
    throw DataError("run",
                    cat(file.string(),
                        " must hold the tensors 'features' and 'norms', each of two dimensions; remove "
                        "it, and nothing is compared with the base"));
  return {.trace = {features->second.to(at::kFloat), norms->second.to(at::kFloat)}};
}

}  // namespace gamut::run
