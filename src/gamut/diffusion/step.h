// SPDX-License-Identifier: Apache-2.0
// One denoising step on latents, in fp32. Shapes: B samples, C H W latent; D = C H W.
#pragma once

#include "gamut/diffusion/schedule.h"

#include <ATen/core/Tensor.h>

namespace gamut::diffusion {

// a x + b out, moved by what step.clip takes off the clean latent, [B, C, H, W]; differentiable in out, what
// the network predicts.
at::Tensor step_mean(const Step& step, const at::Tensor& x_BCHW, const at::Tensor& out_BCHW);

// log N(next; mean, noise_std^2) averaged over the D elements of each sample, [B]:
// mean_D[-(next - mean)^2 / (2 n^2)] - ln n - ln(2 pi) / 2. With step.normalized false only mean_D[-(next -
// mean)^2]. `next` is a constant. Needs noise_std > 0.
at::Tensor step_log_prob(const Step& step, const at::Tensor& next_BCHW, const at::Tensor& mean_BCHW);

// clean_x x + clean_out out: the clean latent that the output points to; x - sigma v for flow models. Clipped
// where step.clip says so.
at::Tensor predicted_clean(const Step& step, const at::Tensor& x_BCHW, const at::Tensor& out_BCHW);

}  // namespace gamut::diffusion
