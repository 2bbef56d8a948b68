# SPDX-License-Identifier: Apache-2.0
"""A tiny Stable Diffusion pipeline with random weights, and what diffusers' StableDiffusionPipeline makes of it.

    python tests/generators/tiny_sd.py       # needs torch, diffusers, transformers, safetensors

Writes models/sd-tiny, by its link tests/cli/fixtures/tiny_sd (as save_pretrained writes it, with the tokenizer of models/glyphs) and
tests/cli/fixtures/sd_<case>.safetensors: `init` (the pipeline's argument latents), `noise` (per step, where eta > 0),
`latents` (output_type "latent") and `pixels` (output_type "np", times 255, rounded, uint8, [n, H, W, 3]).

The cases: DDIM with eta 0 and 1, Euler with the spacings that start differently, v-prediction; guidance 5 with a
negative prompt. scheduler_<case>.json is the scheduler_config.json of each.

Made with torch 2.14, diffusers 0.42, transformers 5, fp32, one thread.
"""

import json
import pathlib
import shutil

import numpy as np
import torch
import transformers
from diffusers import AutoencoderKL, DDIMScheduler, EulerDiscreteScheduler, PNDMScheduler
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from diffusers.schedulers import scheduling_ddim
from safetensors.torch import save_file

from tiny_pipeline import FIXTURES, GLYPHS, PROMPTS, liven

TINY = FIXTURES / "tiny_sd"
NEGATIVE = "the digit 3"  # also in tests/cli/sd_golden_test.cpp
TABLE = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1)
MEMBERS, STEPS, GUIDANCE = 2, 5, 5.0


def make_tiny():
    torch.manual_seed(31)
    shutil.rmtree(TINY, ignore_errors=True)
    vocabulary = json.loads((GLYPHS / "tokenizer" / "vocab.json").read_text())
    end = vocabulary["<|endoftext|>"]
    encoder = transformers.CLIPTextModel(transformers.CLIPTextConfig(
        vocab_size=len(vocabulary), hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=16, bos_token_id=vocabulary["<|startoftext|>"], eos_token_id=end, pad_token_id=end))
    unet = UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, block_out_channels=(8, 16), layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=16, attention_head_dim=2, norm_num_groups=4)
    vae = AutoencoderKL(block_out_channels=(4, 8), down_block_types=("DownEncoderBlock2D",) * 2,
                        up_block_types=("UpDecoderBlock2D",) * 2, layers_per_block=1, norm_num_groups=2,
                        latent_channels=4, sample_size=16)
    for module in (encoder, unet, vae):
        liven(module)
    # Pictures that use most of the range without lying on its ends.
    vae.decoder.conv_out.weight.data.mul_(0.3)
    tokenizer = transformers.CLIPTokenizer.from_pretrained(GLYPHS / "tokenizer")
    scheduler = PNDMScheduler(**TABLE, skip_prk_steps=True, set_alpha_to_one=False)
    pipe = StableDiffusionPipeline(vae=vae, text_encoder=encoder, tokenizer=tokenizer, unet=unet, scheduler=scheduler,
                                   safety_checker=None, feature_extractor=None, requires_safety_checker=False)
    pipe.save_pretrained(TINY)
    # The tokenizer's files as Stable Diffusion's folders have them.
    shutil.rmtree(TINY / "tokenizer")
    shutil.copytree(GLYPHS / "tokenizer", TINY / "tokenizer")
    return pipe.to("cpu")


def write_case(pipe, case, scheduler, eta=0.0, guidance=GUIDANCE, negative=NEGATIVE, size=16):
    count = len(PROMPTS) * MEMBERS
    generator = torch.Generator().manual_seed(5)
    init = torch.randn(count, 4, size // 2, size // 2, generator=generator)
    noise = torch.randn(STEPS, count, 4, size // 2, size // 2, generator=generator)
    pipe.scheduler = scheduler
    draws = iter(noise)
    scheduling_ddim.randn_tensor = lambda *args, **kwargs: next(draws)
    arguments = dict(num_images_per_prompt=MEMBERS, num_inference_steps=STEPS, guidance_scale=guidance, eta=eta,
                     negative_prompt=[negative] * len(PROMPTS), height=size, width=size)
    latents = pipe(PROMPTS, latents=init.clone(), output_type="latent", **arguments).images
    draws = iter(noise)
    pictures = pipe(PROMPTS, latents=init.clone(), output_type="np", **arguments).images
    pixels = torch.from_numpy((pictures * 255).round().astype(np.uint8))
    tensors = {"init": init, "latents": latents, "pixels": pixels}
    if eta > 0:
        tensors["noise"] = noise
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, FIXTURES / f"sd_{case}.safetensors")
    scheduler.save_pretrained(FIXTURES)
    (FIXTURES / "scheduler_config.json").rename(FIXTURES / f"sd_{case}.scheduler.json")
    print(case, "largest latent", latents.abs().max().item(), "pixels' deviation", pixels.float().std().item(),
          "at an end", ((pixels == 0) | (pixels == 255)).float().mean().item())


if __name__ == "__main__":
    torch.set_num_threads(1)
    transformers.utils.logging.set_verbosity_error()
    torch.set_grad_enabled(False)
    tiny = make_tiny()
    tiny.set_progress_bar_config(disable=True)
    ddim = dict(**TABLE, clip_sample=False, set_alpha_to_one=False)
    write_case(tiny, "ddim", DDIMScheduler(**ddim))
    write_case(tiny, "ddim_eta1", DDIMScheduler(**ddim), eta=1.0)
    write_case(tiny, "ddim_v", DDIMScheduler(**{**ddim, "set_alpha_to_one": True}, prediction_type="v_prediction",
                                             timestep_spacing="trailing"), eta=1.0)
    write_case(tiny, "euler", EulerDiscreteScheduler(**TABLE))
    write_case(tiny, "euler_leading_v", EulerDiscreteScheduler(**TABLE, timestep_spacing="leading",
                                                               prediction_type="v_prediction"))
    write_case(tiny, "wide_unguided", DDIMScheduler(**ddim), guidance=1.0, negative="", size=24)
