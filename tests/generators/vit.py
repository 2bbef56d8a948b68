#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/models/fixtures/vit/: tiny ViTModel and Dinov2Model folders of random weights, and what transformers makes of
pictures with them (torch 2.13, transformers 5, numpy, safetensors, Pillow). It never runs gamut.

    python tests/generators/vit.py

vit             32 pixels, patches of 8, ViTImageProcessor (bilinear, to a square)
dinov2          its positions are of 28 pixels, its pictures of 42, so they are interpolated; BitImageProcessor (bicubic, crop)
dinov2_swiglu   gated MLP, pictures as large as its positions

<name>.safetensors: pictures [2, 3, 40, 36] as bytes, pixels (preprocessed), states (class token, after the norm).

"""
import pathlib

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import BitImageProcessor, Dinov2Config, Dinov2Model, ViTConfig, ViTImageProcessor, ViTModel

OUT = pathlib.Path(__file__).resolve().parents[1] / "models/fixtures/vit"
TOWER = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3}
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def square(side):
    return {"height": side, "width": side}


CASES = {
    "vit": (ViTModel, ViTConfig(**TOWER, intermediate_size=40, image_size=32, patch_size=8),
            ViTImageProcessor(size=square(32), image_mean=MEAN, image_std=STD)),
    "dinov2": (Dinov2Model, Dinov2Config(**TOWER, mlp_ratio=2, image_size=28, patch_size=7),
               BitImageProcessor(size={"shortest_edge": 48}, crop_size=square(42), image_mean=MEAN, image_std=STD)),
    "dinov2_swiglu": (Dinov2Model, Dinov2Config(**TOWER, mlp_ratio=2, image_size=28, patch_size=7, use_swiglu_ffn=True),
                      BitImageProcessor(size={"shortest_edge": 32}, crop_size=square(28), image_mean=MEAN, image_std=STD)),
}


def spread(model, seed):
    """Random numbers in every tensor, biases, scales and positions too, as a trained model has them."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in sorted(model.state_dict().items()):
        noise = torch.randn(tensor.shape, generator=generator)
        is_scale = "norm" in name and name.endswith("weight") or "lambda" in name
        tensor.copy_(1 + 0.2 * noise if is_scale else 0.15 * noise)


def main():
    bytes_ = np.random.default_rng(7).integers(0, 256, (2, 10, 9, 3), dtype=np.uint8).repeat(4, 1).repeat(4, 2)
    for seed, (name, (model_class, config, processor)) in enumerate(CASES.items()):
        model = model_class(config).eval()
        with torch.no_grad():
            spread(model, seed)
        (OUT / name).mkdir(parents=True, exist_ok=True)
        model.save_pretrained(OUT / name)
        processor.save_pretrained(OUT / name)
        pixels = processor(images=list(bytes_), return_tensors="pt")["pixel_values"]
        states = model(pixel_values=pixels).last_hidden_state[:, 0]
        save_file({"pictures": torch.from_numpy(bytes_).permute(0, 3, 1, 2).contiguous(),
                   "pixels": pixels.contiguous(), "states": states.detach().contiguous()}, OUT / f"{name}.safetensors")
        print(name, tuple(pixels.shape), tuple(states.shape), float(states.detach().abs().max()))


main()
