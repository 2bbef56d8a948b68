# SPDX-License-Identifier: Apache-2.0
"""Loads a folder that gamut saved with diffusers and transformers, as their users would.

    python tests/generators/check_saved_model.py FOLDER [PROBE.safetensors PROMPT...]

Fails on any missing or surplus tensor. With a probe (x, hidden, v, all fp32; time 321.5) it compares the text states
and the U-Net's output with gamut's.
"""

import pathlib
import sys

import torch
from diffusers import FlowMatchEulerDiscreteScheduler, UNet2DConditionModel
from safetensors.torch import load_file
from transformers import CLIPTextModel, CLIPTokenizer


def load(cls, folder):
    model, info = cls.from_pretrained(folder, output_loading_info=True)
    trouble = {key: value for key, value in info.items() if value and key != "error_msgs"}
    assert not trouble, f"{folder}: {trouble}"
    return model.eval()


@torch.no_grad()
def main(folder, probe=None, *prompts):
    folder = pathlib.Path(folder)
    unet, encoder = load(UNet2DConditionModel, folder / "unet"), load(CLIPTextModel, folder / "text_encoder")
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    scheduler = FlowMatchEulerDiscreteScheduler.from_pretrained(folder / "scheduler")
    count = sum(parameter.numel() for parameter in unet.parameters())
    print(f"{type(unet).__name__} {count} parameters, {type(scheduler).__name__}, {len(tokenizer)} tokens")
    if probe:
        expected = load_file(probe)
        ids = tokenizer(list(prompts), padding="max_length", truncation=True, return_tensors="pt").input_ids
        hidden = encoder(ids).last_hidden_state
        output = unet(expected["x"], torch.tensor(321.5), hidden).sample
        for name, tensor in (("hidden", hidden), ("v", output)):
            error = (tensor - expected[name]).abs().max().item()
            print(f"largest difference of {name}: {error:.2e}")
            assert error < 1e-5


if __name__ == "__main__":
    main(*sys.argv[1:])
