// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/guidance.h"

#include "gamut/core/error.h"
#include "gamut/core/log.h"

#include <ATen/ATen.h>

namespace gamut::models {

at::Tensor predict_guided(const Pipeline& pipeline, const at::Tensor& x, double model_time,
                          const Conditioning& conditional, const Conditioning& unconditional,
                          const Guidance& guidance) {
  return predict_guided(pipeline, x, at::full({1}, model_time, x.options().dtype(at::kFloat)), conditional,
                        unconditional, guidance);
}

at::Tensor predict_guided(const Pipeline& pipeline, const at::Tensor& x, const at::Tensor& model_time,
                          const Conditioning& conditional, const Conditioning& unconditional,
                          const Guidance& guidance) {
  const bool is_input = pipeline.takes_guidance();
  const auto told = [&](const Conditioning& cond) {
    return is_input
               ? cond.with("guidance", at::full({x.size(0)}, guidance.scale, x.options().dtype(at::kFloat)))
               : cond;
  };
  const double scale = is_input ? guidance.classifier_free : guidance.scale;
  const at::Tensor with_prompt = pipeline.predict(x, model_time, told(conditional));
  if (scale == 1) return with_prompt;
  const bool one_row = unconditional.num_rows() == 1;
  const Conditioning rows = one_row ? unconditional.repeat(x.size(0)) : unconditional;
  const at::Tensor without = pipeline.predict(x, model_time, told(rows));
  return without + (with_prompt - without) * scale;
}

void warn_below_one(double scale, const std::string& name) {
  if (scale >= 1) return;
  log_warning(
      cat(name, " = ", scale,
          scale == 0 ? " ignores the prompt" : " follows the prompt less than the model does by itself",
          "; 1 is without guidance, and so is 0 in diffusers"));
}

}  // namespace gamut::models
