// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/time_embedding.h"

#include "gamut/core/error.h"
#include "gamut/nn/attention.h"

#include <ATen/ATen.h>

namespace gamut::nn {
namespace {

constexpr int64_t kPooledSinusoids = 256;

}  // namespace

Tensor sinusoidal_embedding(const Tensor& times, const SinusoidOptions& options) {
  const int64_t half = options.width / 2;
  const at::TensorOptions fp32 = times.options().dtype(at::kFloat);
  const Tensor exponents = at::arange(half, fp32) * -std::log(10000.0) / (double(half) - options.freq_shift);
  const Tensor angles = times.to(at::kFloat).unsqueeze(1) * exponents.exp().unsqueeze(0);
  const Tensor sines = angles.sin(), cosines = angles.cos();
  const Tensor both = options.flip_sin_to_cos ? at::cat({cosines, sines}, 1) : at::cat({sines, cosines}, 1);
  return options.width % 2 == 0 ? both : at::constant_pad_nd(both, {0, 1});
}

TimestepEmbedding::TimestepEmbedding(const Scope& scope, int64_t in, int64_t out)
    : linear_1(scope["linear_1"], in, out), linear_2(scope["linear_2"], out, out) {}

Tensor TimestepEmbedding::operator()(const Tensor& sinusoids) const {
  return linear_2(at::silu(linear_1(sinusoids)));
}

AttentionPooling::AttentionPooling(const Scope& scope, int64_t width, int64_t head_count)
    : positional_embedding(
          scope.get("positional_embedding", {1, width}, Init::normal(1.0 / std::sqrt(double(width))))),
      k_proj(scope["k_proj"], width, width),
      q_proj(scope["q_proj"], width, width),
      v_proj(scope["v_proj"], width, width),
      heads(head_count) {}

Tensor AttentionPooling::operator()(const Tensor& tokens) const {
  const Tensor query = tokens.mean(1, true) + positional_embedding;
  const Tensor all = at::cat({query, tokens}, 1);
  return attend(q_proj(query), k_proj(all), v_proj(all), heads).squeeze(1);
}

TextTimeEmbedding::TextTimeEmbedding(const Scope& scope, int64_t text_width, int64_t time_width,
                                     int64_t heads)
    : norm1(scope["norm1"], text_width),
      pool(scope["pool"], text_width, heads),
      proj(scope["proj"], text_width, time_width),
      norm2(scope["norm2"], time_width) {}

Tensor TextTimeEmbedding::operator()(const Tensor& tokens) const { return norm2(proj(pool(norm1(tokens)))); }

PooledTimeEmbedding::PooledTimeEmbedding(const Scope& scope, int64_t pooled_width, int64_t width,
                                         bool with_guidance)
    : timestep_embedder(scope["timestep_embedder"], kPooledSinusoids, width),
      text_embedder(scope["text_embedder"], pooled_width, width) {
  if (with_guidance) guidance_embedder.emplace(scope["guidance_embedder"], kPooledSinusoids, width);
}

Tensor PooledTimeEmbedding::operator()(const Tensor& times, const Tensor& pooled,
                                       const Tensor& guidance) const {
  GAMUT_CHECK(guidance.defined() == guidance_embedder.has_value(), "guidance is ",
              guidance.defined() ? "" : "not ", "given");
  const auto waves = [&](const Tensor& numbers) {
    return sinusoidal_embedding(numbers, {.width = kPooledSinusoids}).to(pooled.scalar_type());
  };
  Tensor sum = timestep_embedder(waves(times));
  if (guidance_embedder) sum = sum + (*guidance_embedder)(waves(guidance));
  return sum + text_embedder(pooled);
}

}  // namespace gamut::nn
