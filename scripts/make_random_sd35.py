#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a folder of Stable Diffusion 3.5 Medium's exact structure with random weights, in shards, for measuring size, memory
and speed.

    scripts/make_random_sd35.py FOLDER [--dtype bf16|fp16|fp32] [--seed N] [--shard-gb N] [--small] [--empty] [--only COMPONENT]

Needs diffusers and transformers; downloads nothing. 16 GB in bf16, most of it T5. The tokenizers are the small ones of
models/glyphs and of the tests, whose ids are far below the encoders' vocabularies.
"""
import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel
from transformers import CLIPTextConfig, CLIPTextModelWithProjection, T5Config, T5EncoderModel

from random_folder import CLIP_TOKENIZER, T5_TOKENIZER, arguments, write_pipeline

CLIP_VOCABULARY = 49408
VAE_BLOCKS = {"down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4,
              "layers_per_block": 2, "latent_channels": 16, "use_quant_conv": False, "use_post_quant_conv": False}


def clip(small, **config):
    sizes = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2, projection_dim=32)
    return CLIPTextConfig(vocab_size=CLIP_VOCABULARY, max_position_embeddings=77, **{**config, **(sizes if small else {})})


def t5(small):
    sizes = (dict(d_model=64, d_ff=128, d_kv=16, num_heads=4, num_layers=2) if small else
             dict(d_model=4096, d_ff=10240, d_kv=64, num_heads=64, num_layers=24))
    return T5EncoderModel(T5Config(vocab_size=32128, feed_forward_proj="gated-gelu", **sizes))


def vae(small, scaling_factor, shift_factor):
    blocks = (16, 16, 32, 32) if small else (128, 256, 512, 512)
    return AutoencoderKL(block_out_channels=blocks, sample_size=64 if small else 1024, scaling_factor=scaling_factor,
                         norm_num_groups=8 if small else 32, shift_factor=shift_factor, **VAE_BLOCKS)


def transformer(small):
    sizes = (dict(num_layers=3, num_attention_heads=4, attention_head_dim=16, caption_projection_dim=64,
                  joint_attention_dim=64, pooled_projection_dim=64, pos_embed_max_size=32, sample_size=32,
                  dual_attention_layers=(0, 1)) if small else
             dict(num_layers=24, num_attention_heads=24, attention_head_dim=64, caption_projection_dim=1536,
                  joint_attention_dim=4096, pooled_projection_dim=2048, pos_embed_max_size=384, sample_size=128,
                  dual_attention_layers=tuple(range(13))))
    return SD3Transformer2DModel(patch_size=2, in_channels=16, out_channels=16, qk_norm="rms_norm", **sizes)


def modules(small):
    with torch.device("meta"):
        return {
            "transformer": transformer(small),
            "vae": vae(small, 1.5305, 0.0609),
            "text_encoder": CLIPTextModelWithProjection(clip(
                small, hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12,
                projection_dim=768, hidden_act="quick_gelu", eos_token_id=2)),
            "text_encoder_2": CLIPTextModelWithProjection(clip(
                small, hidden_size=1280, intermediate_size=5120, num_hidden_layers=32, num_attention_heads=20,
                projection_dim=1280, hidden_act="gelu", eos_token_id=2)),
            "text_encoder_3": t5(small),
        }


if __name__ == "__main__":
    options = arguments(__doc__)
    tokenizers = {"tokenizer": ("CLIPTokenizer", CLIP_TOKENIZER, 77), "tokenizer_2": ("CLIPTokenizer", CLIP_TOKENIZER, 77),
                  "tokenizer_3": ("T5TokenizerFast", T5_TOKENIZER, 512)}
    write_pipeline("StableDiffusion3Pipeline", modules(options.small), tokenizers,
                   FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, shift=3.0), options)
