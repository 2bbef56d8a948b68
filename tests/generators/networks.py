# SPDX-License-Identifier: Apache-2.0
"""Golden fixtures of the networks: diffusers' UNet2DConditionModel and transformers' CLIPTextModel.

    python tests/generators/networks.py            # needs torch, diffusers, transformers, safetensors

Writes tests/models/fixtures/<case>.json (config, names and shapes of all parameters, what the case pins) and
<case>.safetensors (inputs, outputs, gradients). Weights are not stored: both sides draw them from a hash of name and
index (`hashed` here, tests/models/hashed_weights.h there), so that wide networks stay small files.

Made with torch 2.13, diffusers 0.42, transformers 5, fp32, one thread.
"""

import json
import pathlib

import diffusers
import numpy as np
import torch
import transformers
from safetensors.torch import save_file

FOLDER = pathlib.Path(__file__).parent.parent / "models" / "fixtures"
BASE = pathlib.Path(__file__).parent.parent.parent / "recipes" / "glyphs" / "base_config"
MASK = (1 << 64) - 1


def fnv1a(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = ((value ^ byte) * 0x100000001B3) & MASK
    return value


def hashed(name, count):
    """Uniform numbers in [-1, 1) with 24 bits: splitmix64 of FNV-1a(name) + index * golden ratio."""
    with np.errstate(over="ignore"):
        x = np.uint64(fnv1a(name)) + np.arange(count, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = x ^ (x >> np.uint64(31))
    return (x >> np.uint64(40)).astype(np.float64) / 2.0**23 - 1.0


def spread(name, shape):
    """Center and bound of a parameter: norms near one, biases small, matrices near unit gain."""
    if len(shape) == 1:
        return (0.0, 0.25) if name.endswith("bias") else (1.0, 0.25)
    return 0.0, float(np.float32(1.5 / np.sqrt(np.prod(shape[1:]))))


def fill(module):
    rows = {}
    for name, parameter in module.named_parameters():
        shape = list(parameter.shape)
        center, bound = spread(name, shape)
        rows[name] = [shape, center, bound]
        values = center + bound * hashed(name, parameter.numel())
        parameter.data = torch.from_numpy(values.astype(np.float32)).reshape(shape)
    return rows


def gradients(module, loss, full):
    """Each gradient's norm and its product with a hashed direction, in order of name; `full` ones complete."""
    loss.backward()
    named = sorted(module.named_parameters())
    norms = [parameter.grad.double().norm() for _, parameter in named]
    dots = [(parameter.grad.double().flatten() * torch.from_numpy(hashed(name + "#direction", parameter.numel()))).sum()
            for name, parameter in named]
    out = {"grad_norms": torch.stack(norms), "grad_dots": torch.stack(dots)}
    parameters = dict(named)
    out.update({f"grad.{name}": parameters[name].grad.contiguous() for name in full})
    return out


def write(case, about, config, rows, tensors, generator="networks.py"):
    FOLDER.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()},
              FOLDER / f"{case}.safetensors")
    versions = {"torch": torch.__version__, "diffusers": diffusers.__version__,
                "transformers": transformers.__version__}
    fixture = {"about": about, "generator": f"tests/generators/{generator}", "versions": versions,
               "config": config, "parameters": rows}
    text = json.dumps(fixture, sort_keys=True)
    (FOLDER / f"{case}.json").write_text(text.replace('], "', '],\n"') + "\n")
    print(case, "parameters", sum(int(np.prod(row[0])) for row in rows.values()))


def unet_case(case, about, config, size, text_length=7, times=(3.25, 641.0), full=()):
    torch.manual_seed(17)
    unet = diffusers.UNet2DConditionModel.from_config(config).eval()
    rows = fill(unet)
    sample = torch.randn(len(times), unet.config.in_channels, *size)
    width = unet.config.cross_attention_dim
    text = torch.randn(len(times), text_length, width if isinstance(width, int) else width[0])
    timestep = torch.tensor(times)
    sample.requires_grad_(True)
    text.requires_grad_(True)
    output = unet(sample, timestep, text).sample
    probe = torch.randn_like(output)
    tensors = {"sample": sample, "text": text, "timestep": timestep, "probe": probe, "output": output}
    tensors.update(gradients(unet, (output * probe).sum(), full))
    tensors["grad_sample"] = sample.grad
    if text.grad is not None:
        tensors["grad_text"] = text.grad
    with torch.no_grad():
        tensors["output_one_time"] = unet(sample, torch.tensor(times[1]), text).sample
    write(case, about, dict(unet.config), rows, tensors)


def clip_case(case, about, config, ids):
    torch.manual_seed(17)
    model = transformers.CLIPTextModel(transformers.CLIPTextConfig(**config)).eval()
    rows = fill(model)
    out = model(input_ids=ids)
    probe, pooled_probe = torch.randn_like(out.last_hidden_state), torch.randn_like(out.pooler_output)
    loss = (out.last_hidden_state * probe).sum() + (out.pooler_output * pooled_probe).sum()
    tensors = {"ids": ids, "hidden": out.last_hidden_state, "pooled": out.pooler_output, "probe": probe,
               "pooled_probe": pooled_probe}
    tensors.update(gradients(model, loss, ["final_layer_norm.weight"]))
    write(case, about, {**config, "model_type": "clip_text_model"}, rows, tensors)


def unet_cases():
    unet_case("unet_sd15", "Stable Diffusion 1.5's structure at a fifth to a twentieth of its width", {
        "sample_size": 16, "block_out_channels": [16, 32, 64, 64], "attention_head_dim": 8, "cross_attention_dim": 24,
        "norm_num_groups": 8, "layers_per_block": 2}, (16, 16),
        full=["conv_in.weight", "mid_block.attentions.0.transformer_blocks.0.attn1.to_q.weight",
              "down_blocks.0.resnets.1.time_emb_proj.weight", "up_blocks.3.resnets.2.norm1.weight"])
    unet_case("unet_sd21", "Stable Diffusion 2.1's structure: linear projections, heads per level, upcast attention", {
        "sample_size": 16, "block_out_channels": [16, 32, 64, 64], "attention_head_dim": [2, 4, 8, 8],
        "cross_attention_dim": 40, "norm_num_groups": 8, "use_linear_projection": True, "upcast_attention": True},
        (8, 24), full=["conv_out.weight", "up_blocks.1.attentions.0.proj_in.weight"])
    unet_case("unet_glyphs", "The shipped base: pooled text added to the time embedding",
              json.loads((BASE / "unet" / "config.json").read_text()), (16, 16), text_length=16,
              full=["add_embedding.pool.positional_embedding", "add_embedding.pool.q_proj.weight",
                    "time_embedding.linear_1.weight", "down_blocks.0.downsamplers.0.conv.bias"])
    unet_case("unet_odd", "Odd sizes and the rarer options", {
        "sample_size": [13, 18], "in_channels": 5, "out_channels": 3, "center_input_sample": True,
        "block_out_channels": [8, 12, 16], "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D",
                                                                 "CrossAttnDownBlock2D"],
        "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D", "CrossAttnUpBlock2D"], "layers_per_block": [1, 2, 1],
        "transformer_layers_per_block": [1, 1, 2], "only_cross_attention": [False, False, True],
        "attention_head_dim": [2, 3, 4], "cross_attention_dim": [20, 20, 20], "norm_num_groups": 4, "norm_eps": 1e-6,
        "mid_block_scale_factor": 1.25, "freq_shift": 1, "flip_sin_to_cos": False, "conv_in_kernel": 5,
        "conv_out_kernel": 1, "time_embedding_dim": 20, "downsample_padding": 0}, (13, 18),
        times=(0.0, 999.0, 500.5), full=["conv_in.weight"])
    unet_case("unet_plain", "No attention at all, scale and shift by time, a plain mid block", {
        "sample_size": 12, "block_out_channels": [12, 24], "down_block_types": ["DownBlock2D", "DownBlock2D"],
        "up_block_types": ["UpBlock2D", "UpBlock2D"], "mid_block_type": "UNetMidBlock2D", "norm_num_groups": 6,
        "resnet_time_scale_shift": "scale_shift", "layers_per_block": 1, "cross_attention_dim": 8}, (12, 8),
        full=["mid_block.resnets.0.time_emb_proj.weight"])
    unet_case("unet_no_mid", "No mid block, one level, attention on it", {
        "sample_size": 8, "block_out_channels": [16], "down_block_types": ["CrossAttnDownBlock2D"],
        "up_block_types": ["CrossAttnUpBlock2D"], "mid_block_type": None, "norm_num_groups": 4, "layers_per_block": 1,
        "attention_head_dim": 1, "cross_attention_dim": 8}, (7, 5), text_length=1,
        full=["up_blocks.0.attentions.1.proj_out.weight"])


def clip_cases():
    ids = torch.tensor([[97, 5, 6, 7, 98, 98, 98, 98], [97, 98, 98, 98, 98, 98, 98, 98], [97, 1, 50, 3, 9, 12, 3, 98]])
    small = {"vocab_size": 99, "hidden_size": 32, "intermediate_size": 80, "num_hidden_layers": 2,
             "num_attention_heads": 4, "max_position_embeddings": 10, "bos_token_id": 97, "eos_token_id": 98,
             "pad_token_id": 98}
    clip_case("clip_quick_gelu", "SD1.5's encoder at small width, sequence shorter than the context", small, ids)
    clip_case("clip_gelu", "SD2.1's encoder: GELU, pad token 0 and the legacy end token id 2", {
        **small, "hidden_act": "gelu", "eos_token_id": 2, "pad_token_id": 0, "layer_norm_eps": 1e-4},
        ids.masked_fill(torch.cumsum(ids == 98, 1) > 1, 0))


if __name__ == "__main__":
    torch.set_num_threads(1)
    transformers.utils.logging.set_verbosity_error()
    unet_cases()
    clip_cases()
