# SPDX-License-Identifier: Apache-2.0
"""Golden fixtures of diffusers' AutoencoderKL: decoding and encoding, whole and in tiles.

    python tests/generators/vae.py            # needs torch, diffusers, transformers, safetensors

Writes tests/models/fixtures/vae_<case>.{json,safetensors}; weights are hashed as in networks.py, which has the format.

Made with torch 2.14, diffusers 0.42, fp32, one thread.
"""

import diffusers
import torch
import transformers

from networks import fill, write

SMALL = {"block_out_channels": [8, 16, 16], "down_block_types": ["DownEncoderBlock2D"] * 3,
         "up_block_types": ["UpDecoderBlock2D"] * 3, "layers_per_block": 2, "norm_num_groups": 4,
         "latent_channels": 4, "sample_size": 16}


@torch.no_grad()
def vae_case(case, about, config, latent_size):
    torch.manual_seed(19)
    vae = diffusers.AutoencoderKL.from_config(config).eval()
    rows = fill(vae)
    factor = 2 ** (len(vae.config.block_out_channels) - 1)
    latents = torch.randn(3, vae.config.latent_channels, *latent_size)
    pictures = torch.rand(2, vae.config.in_channels, *[factor * n for n in latent_size]) * 2 - 1
    tensors = {"latents": latents, "pictures": pictures, "decoded": vae.decode(latents).sample,
               "moments": vae.encode(pictures).latent_dist.parameters}
    vae.enable_tiling()
    tensors["decoded_tiled"] = vae.decode(latents).sample
    tensors["moments_tiled"] = vae.encode(pictures).latent_dist.parameters
    write(f"vae_{case}", about, dict(vae.config), rows, tensors, generator="vae.py")


if __name__ == "__main__":
    torch.set_num_threads(1)
    transformers.utils.logging.set_verbosity_error()
    vae_case("sd", "Stable Diffusion's structure at small width; pictures of several tiles, odd sizes", SMALL, (9, 7))
    vae_case("bare", "No attention, no quantization convolutions, a shift, one level", {
        "block_out_channels": [8], "layers_per_block": 1, "norm_num_groups": 2, "latent_channels": 2, "in_channels": 4,
        "out_channels": 5, "sample_size": 8, "scaling_factor": 1.5, "shift_factor": 0.25, "use_quant_conv": False,
        "use_post_quant_conv": False, "mid_block_add_attention": False}, (6, 9))
    vae_case("short_tiles", "Tiles whose last ones are shorter than the blended zone", {**SMALL, "sample_size": 32},
             (13, 8))
    vae_case("sd3", "Stable Diffusion 3's and FLUX's: 16 latent channels, a shift, no quantization convolutions", {
        **SMALL, "latent_channels": 16, "scaling_factor": 1.5305, "shift_factor": 0.0609, "use_quant_conv": False,
        "use_post_quant_conv": False, "force_upcast": True}, (7, 10))
