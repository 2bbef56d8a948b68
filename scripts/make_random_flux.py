#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a folder of FLUX.1-dev's (or -schnell's) exact structure with random weights, in shards, for measuring size, memory
and speed.

    scripts/make_random_flux.py FOLDER [--dtype bf16|fp16|fp32] [--seed N] [--shard-gb N] [--small] [--empty] [--only COMPONENT]

Needs diffusers and transformers; downloads nothing. 34 GB in bf16: the transformer 24, T5 10. The tokenizers are the small
ones of models/glyphs and of the tests, whose ids are far below the encoders' vocabularies. A folder whose name ends in
"schnell" gets no guidance embedding, and the unshifted schedule.
"""
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, FluxTransformer2DModel
from transformers import CLIPTextModel

from make_random_sd35 import clip, t5, vae
from random_folder import CLIP_TOKENIZER, T5_TOKENIZER, arguments, write_pipeline


def transformer(small, schnell):
    sizes = (dict(num_layers=2, num_single_layers=2, num_attention_heads=4, attention_head_dim=16, joint_attention_dim=64,
                  pooled_projection_dim=32, axes_dims_rope=(4, 6, 6)) if small else
             dict(num_layers=19, num_single_layers=38, num_attention_heads=24, attention_head_dim=128,
                  joint_attention_dim=4096, pooled_projection_dim=768))
    return FluxTransformer2DModel(patch_size=1, in_channels=64, guidance_embeds=not schnell, **sizes)


def modules(small, schnell):
    with torch.device("meta"):
        return {
            "transformer": transformer(small, schnell),
            "vae": vae(small, 0.3611, 0.1159),
            "text_encoder": CLIPTextModel(clip(
                small, hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12,
                projection_dim=768, hidden_act="quick_gelu", eos_token_id=2)),
            "text_encoder_2": t5(small),
        }


def scheduler(schnell):
    if schnell:
        return FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, shift=1.0)
    return FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, shift=3.0, use_dynamic_shifting=True, base_shift=0.5,
                                           max_shift=1.15, base_image_seq_len=256, max_image_seq_len=4096)


if __name__ == "__main__":
    options = arguments(__doc__)
    is_schnell = options.folder.name.endswith("schnell")
    tokenizers = {"tokenizer": ("CLIPTokenizer", CLIP_TOKENIZER, 77),
                  "tokenizer_2": ("T5TokenizerFast", T5_TOKENIZER, 256 if is_schnell else 512)}
    write_pipeline("FluxPipeline", modules(options.small, is_schnell), tokenizers, scheduler(is_schnell), options)
