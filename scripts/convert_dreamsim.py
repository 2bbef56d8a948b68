#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a DreamSim folder (config.json, model.safetensors) from the files that the package `dreamsim` keeps in its cache.

    pip install dreamsim && python3 -c "import dreamsim; dreamsim.dreamsim(device='cpu', cache_dir='models')"
    python3 scripts/convert_dreamsim.py models dreamsim                              # the ensemble
    python3 scripts/convert_dreamsim.py models dreamsim --type dino_vitb16           # one branch: a third of the time

The adapters are merged into the weights, and DINOv2's positions are resampled to the pictures' size, once and for all. Then:
--set eval.features=dreamsim --set eval.features_model=dreamsim. Needs torch and safetensors. Pickles are read with
weights_only=True, so that no code in them runs.
"""
import argparse
import json
import math
import pathlib
import sys

import torch
from safetensors.torch import load_file, save_file

IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
CLIP = {"image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711]}

# By published name: (weights below the cache folder, the first that is there), key below which they lie, prefix, config.
# The features and constants of dreamsim 0.2.1: config.py, model.py, feature_extraction/load_*_as_dino.py.
BRANCHES = {
    "dino_vitb16": (("checkpoints/dino_vitbase16_pretrain.pth",), None, "", {"layer_norm_eps": 1e-6, **IMAGENET}),
    "dinov2_vitb14": (("checkpoints/dinov2_vitb14_pretrain.pth", "dinov2_vitb14_pretrain.pth"), None, "",
                      {"layer_norm_eps": 1e-6, "layer_scale": True, **IMAGENET}),
    "synclr_vitb16": (("synclr_vit_b_16.pth",), "model", "module.visual.", {"layer_norm_eps": 1e-6, **IMAGENET}),
    "clip_vitb16": (("clip_vitb16_pretrain.pth.tar",), "state_dict", "",
                    {"layer_norm_eps": 1e-5, "pre_norm": True, "hidden_act": "quick_gelu", **CLIP}),
    "clip_vitb32": (("clip_vitb32_pretrain.pth.tar",), "state_dict", "",
                    {"layer_norm_eps": 1e-5, "pre_norm": True, "hidden_act": "quick_gelu", **CLIP}),
    "open_clip_vitb16": (("open_clip_vitb16_pretrain.pth.tar",), "state_dict", "",
                         {"layer_norm_eps": 1e-5, "pre_norm": True, **CLIP}),
    "open_clip_vitb32": (("open_clip_vitb32_pretrain.pth.tar",), "state_dict", "",
                         {"layer_norm_eps": 1e-5, "pre_norm": True, **CLIP}),
}
TYPES = {"ensemble": ("dino_vitb16", "clip_vitb16", "open_clip_vitb16"),
         **{name: (name,) for name in BRANCHES if name not in ("clip_vitb16", "open_clip_vitb16")}}


def fail(message):
    sys.exit(f"error: [dreamsim] {message}")


def read_branch(cache, name):
    """The transformer's tensors in DINO's names."""
    files, key, prefix, _ = BRANCHES[name]
    found = [cache / file for file in files if (cache / file).exists()]
    if not found:
        fail(f"'{cache}' holds no {files[0]}; let the package dreamsim fill that folder first (--help says how)")
    state = torch.load(found[0], map_location="cpu", weights_only=True)
    state = state[key] if key else state
    return {name[len(prefix):]: tensor.float() for name, tensor in state.items() if name.startswith(prefix)}


def read_adapter(folder):
    """(scale, {module: [A, B]}) of peft's folder, modules as extractor_list.0.model.blocks.0.attn.qkv."""
    config = json.loads((folder / "adapter_config.json").read_text())
    if config.get("use_rslora") or config.get("use_dora") or config.get("fan_in_fan_out"):
        fail(f"'{folder}' holds an adapter of a kind that DreamSim's published ones are not")
    file = folder / "adapter_model.safetensors"
    state = load_file(file) if file.exists() else torch.load(folder / "adapter_model.bin", map_location="cpu", weights_only=True)
    modules = {}
    for name, tensor in state.items():
        module, part = name.removeprefix("base_model.model.").replace(".default.", ".").rsplit(".lora_", 1)
        modules.setdefault(module, [None, None])["AB".index(part[0])] = tensor.float()
    return config["lora_alpha"] / config["r"], modules


def resampled(positions, grid):
    """Positions [1, 1 + n, d] for another grid, as DINO and DINOv2 do it: bicubic, by a scale that is 0.1 too large."""
    side = math.isqrt(positions.shape[1] - 1)
    if side == grid:
        return positions
    patches = positions[:, 1:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
    scale = (grid + 0.1) / side
    patches = torch.nn.functional.interpolate(patches, scale_factor=(scale, scale), mode="bicubic")
    return torch.cat([positions[:, :1], patches.permute(0, 2, 3, 1).flatten(1, 2)], 1)


def describe(state, name, head_width):
    """config.json's entry of a branch."""
    width, _, patch, _ = state["patch_embed.proj.weight"].shape
    config = {"name": name, "hidden_size": width, "intermediate_size": state["blocks.0.mlp.fc1.weight"].shape[0],
              "num_hidden_layers": 1 + max(int(key.split(".")[1]) for key in state if key.startswith("blocks.")),
              "num_attention_heads": width // head_width, "patch_size": patch, **BRANCHES[name][3]}
    if "proj" in state:
        config["projection_dim"] = state["proj"].shape[1]
    return config


def convert(cache, out, kind="ensemble", image_size=224, head_width=64):
    cache, out = pathlib.Path(cache), pathlib.Path(out)
    lora = cache / ("ensemble_lora" if kind == "ensemble" else f"{kind}_single_lora")
    if not lora.is_dir():
        fail(f"'{cache}' holds no {lora.name}; let the package dreamsim fill that folder first (--help says how)")
    scale, modules = read_adapter(lora)
    tensors, branches = {}, []
    for i, name in enumerate(TYPES[kind]):
        state = read_branch(cache, name)
        for module in [module for module in modules if module.startswith(f"extractor_list.{i}.model.")]:
            down, up = modules.pop(module)
            state[module.split(".model.", 1)[1] + ".weight"] += scale * up @ down
        branches.append(describe(state, name, head_width))
        state["pos_embed"] = resampled(state["pos_embed"], image_size // branches[-1]["patch_size"])
        unused = ("head.", "mask_token") if "proj" in state else ("head.", "mask_token", "norm.")
        tensors |= {f"branches.{i}.{key}": tensor.contiguous() for key, tensor in state.items() if not key.startswith(unused)}
    if modules:
        fail(f"'{lora}' adapts '{next(iter(modules))}', which {kind} does not have")
    out.mkdir(parents=True, exist_ok=True)
    config = {"model_type": "dreamsim", "name": kind, "image_size": image_size, "branches": branches}
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})
    return sum(tensor.numel() for tensor in tensors.values())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=pathlib.Path, help="folder that the package filled (its cache_dir)")
    parser.add_argument("out", type=pathlib.Path, help="folder to write")
    parser.add_argument("--type", choices=sorted(TYPES), default="ensemble", help="dreamsim_type of the package")
    options = parser.parse_args()
    count = convert(options.cache, options.out, options.type)
    print(f"{options.out}: {options.type}, {count:,} numbers")


if __name__ == "__main__":
    main()
