#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a folder of Stable Diffusion 1.5's exact structure with random weights, for measuring size, memory and speed.

    scripts/make_random_sd15.py FOLDER [--dtype fp16|bf16|fp32] [--seed N]

Needs diffusers and transformers; downloads nothing. The tokenizer is models/glyphs', with ids far below the text
encoder's vocabulary of 49,408, so prompts keep to what it knows. Weights are normal with PyTorch's own initialization,
so pictures are noise.
"""
import argparse
import json
import pathlib
import shutil

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

TOKENIZER = pathlib.Path(__file__).resolve().parents[1] / "models" / "glyphs" / "tokenizer"
TYPES = {"fp16": torch.float16, "bf16": torch.bfloat16, "fp32": torch.float32}


def parts():
    """Stable Diffusion 1.5's configs: what its folder says and the classes' defaults do not."""
    text = CLIPTextModel(CLIPTextConfig(
        vocab_size=49408, hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12,
        max_position_embeddings=77, hidden_act="quick_gelu", projection_dim=768))
    unet = UNet2DConditionModel(sample_size=64, cross_attention_dim=768, attention_head_dim=8)
    vae = AutoencoderKL(block_out_channels=(128, 256, 512, 512), down_block_types=("DownEncoderBlock2D",) * 4,
                        up_block_types=("UpDecoderBlock2D",) * 4, layers_per_block=2, latent_channels=4,
                        sample_size=512)
    scheduler = DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False,
                              set_alpha_to_one=False, steps_offset=1)
    return text, unet, vae, scheduler


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--dtype", choices=TYPES, default="fp16")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    text, unet, vae, scheduler = parts()
    pipe = StableDiffusionPipeline(vae=vae, text_encoder=text, tokenizer=CLIPTokenizer.from_pretrained(TOKENIZER),
                                   unet=unet, scheduler=scheduler, safety_checker=None, feature_extractor=None,
                                   requires_safety_checker=False).to(TYPES[arguments.dtype])
    pipe.save_pretrained(arguments.folder)
    shutil.rmtree(arguments.folder / "tokenizer")
    shutil.copytree(TOKENIZER, arguments.folder / "tokenizer")
    # The original's tokenizer pads to 77 tokens, and so does this one.
    config = json.loads((arguments.folder / "tokenizer" / "tokenizer_config.json").read_text())
    (arguments.folder / "tokenizer" / "tokenizer_config.json").write_text(json.dumps({**config, "model_max_length": 77}))
    count = sum(p.numel() for part in (text, unet, vae) for p in part.parameters())
    print(f"{arguments.folder}: {count:,} random weights in {arguments.dtype}")


if __name__ == "__main__":
    main()
