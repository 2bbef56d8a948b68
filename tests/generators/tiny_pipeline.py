# SPDX-License-Identifier: Apache-2.0
"""A model folder small enough for tests of the whole program, and what diffusers samples from it.

    python tests/generators/tiny_pipeline.py       # needs torch, diffusers, transformers, safetensors

Writes tests/cli/fixtures/tiny (random weights, the tokenizer of models/glyphs) and tests/cli/fixtures/sample_*.safetensors
with `init` and `latents`: the Euler loop of FlowMatchEulerDiscreteScheduler over UNet2DConditionModel and CLIPTextModel,
for tiny at two shifts and two guidance scales, and for models/glyphs. Run it again when models/glyphs was trained anew.

Made with torch 2.13, diffusers 0.42, transformers 5, fp32, one thread.
"""

import json
import pathlib
import shutil

import torch
import transformers
from diffusers import FlowMatchEulerDiscreteScheduler, UNet2DConditionModel
from safetensors.torch import save_file

ROOT = pathlib.Path(__file__).parent.parent.parent
FIXTURES = ROOT / "tests" / "cli" / "fixtures"
TINY, GLYPHS = FIXTURES / "tiny", ROOT / "models" / "glyphs"
PROMPTS = ["the digit 7", "the letter K, dark red on light cyan"]  # also in tests/cli/sample_golden_test.cpp


def liven(module):
    """Larger weights than the default ones, so that prompts and guidance matter, and nothing is zero."""
    for parameter in module.parameters():
        if parameter.dim() > 1:
            parameter.data.normal_(0, 1.3 / (parameter.numel() / parameter.shape[0]) ** 0.5)
        else:
            parameter.data.add_(0.1 * torch.randn_like(parameter))


def make_tiny():
    torch.manual_seed(11)
    shutil.rmtree(TINY, ignore_errors=True)
    vocabulary = json.loads((GLYPHS / "tokenizer" / "vocab.json").read_text())
    encoder = transformers.CLIPTextModel(transformers.CLIPTextConfig(
        vocab_size=len(vocabulary), hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=16, bos_token_id=vocabulary["<|startoftext|>"],
        eos_token_id=vocabulary["<|endoftext|>"], pad_token_id=vocabulary["<|endoftext|>"]))
    unet = UNet2DConditionModel(
        sample_size=16, in_channels=12, out_channels=12, block_out_channels=(8, 16), layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        mid_block_type=None, cross_attention_dim=16, attention_head_dim=2, norm_num_groups=4,
        use_linear_projection=True)
    liven(encoder)
    liven(unet)
    encoder.save_pretrained(TINY / "text_encoder")
    unet.save_pretrained(TINY / "unet")
    FlowMatchEulerDiscreteScheduler(shift=1.0).save_pretrained(TINY / "scheduler")
    shutil.copytree(GLYPHS / "tokenizer", TINY / "tokenizer")
    shutil.copytree(GLYPHS / "vae", TINY / "vae")
    shutil.copy(GLYPHS / "model_index.json", TINY / "model_index.json")


@torch.no_grad()
def euler(folder, prompts, init, steps, shift, guidance):
    unet = UNet2DConditionModel.from_pretrained(folder / "unet").eval()
    encoder = transformers.CLIPTextModel.from_pretrained(folder / "text_encoder").eval()
    tokenizer = transformers.CLIPTokenizer.from_pretrained(folder / "tokenizer")
    scheduler = FlowMatchEulerDiscreteScheduler.from_pretrained(folder / "scheduler", shift=shift)

    def encode(texts):
        ids = tokenizer(texts, padding="max_length", truncation=True, return_tensors="pt").input_ids
        return encoder(ids).last_hidden_state

    members = len(init) // len(prompts)
    text = encode(prompts).repeat_interleave(members, 0)
    empty = encode([""]).repeat(len(init), 1, 1)
    scheduler.set_timesteps(steps)
    x = init
    for t in scheduler.timesteps:
        v = unet(x, t, text).sample
        if guidance != 1:
            v0 = unet(x, t, empty).sample
            v = v0 + guidance * (v - v0)
        x = scheduler.step(v, t, x).prev_sample
    return x


def write_sample(case, folder, prompts, members, steps, shift, guidance):
    init = torch.randn(len(prompts) * members, 12, 16, 16, generator=torch.Generator().manual_seed(5))
    latents = euler(folder, prompts, init, steps, shift, guidance)
    save_file({"init": init, "latents": latents}, FIXTURES / f"sample_{case}.safetensors")
    print(case, "largest value", latents.abs().max().item(), "spread over prompts",
          (latents[0] - latents[-1] - init[0] + init[-1]).abs().max().item())


if __name__ == "__main__":
    torch.set_num_threads(1)
    transformers.utils.logging.set_verbosity_error()
    make_tiny()
    write_sample("shift1", TINY, PROMPTS, members=3, steps=6, shift=1.0, guidance=1.0)
    write_sample("shift3", TINY, PROMPTS, members=1, steps=7, shift=3.0, guidance=1.0)
    write_sample("shift1_guidance3", TINY, PROMPTS, members=1, steps=6, shift=1.0, guidance=3.0)
    write_sample("shift3_guidance3", TINY, PROMPTS, members=1, steps=1, shift=3.0, guidance=3.0)
    write_sample("glyphs", GLYPHS, PROMPTS, members=2, steps=20, shift=1.0, guidance=1.0)
