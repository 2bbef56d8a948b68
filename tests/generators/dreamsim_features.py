#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/models/fixtures/dreamsim/: tiny DreamSim folders of random weights, made by scripts/convert_dreamsim.py from files as
published, and what the package `dreamsim` makes of pictures with those files (dreamsim 0.2.1, torch 2.13, peft 0.21, transformers 5,
Pillow). It never runs gamut.

    python tests/generators/dreamsim_features.py

ensemble   dino_vitb16 + clip_vitb16 + open_clip_vitb16, 32 pixels, patches of 8; DINO's positions are of 40 pixels
dinov2     dinov2_vitb14 alone; its network, which the package takes from torch.hub, is transformers' Dinov2Model here

<name>.safetensors: pictures [3, 3, 40, 36] as bytes, pixels (preprocessed by Pillow), embeddings of those pixels.

The package's networks are as they are but for their size (vit_base is replaced by a smaller VisionTransformer of its own). Of
torchvision it needs Normalize alone, which is given here as (x - mean) / std; open_clip is imported and not used.
"""
import functools
import importlib.util
import json
import pathlib
import sys
import tempfile
import types

import numpy as np
import peft
import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import Dinov2Config, Dinov2Model

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "tests/models/fixtures/dreamsim"
SIDE, PATCH, WIDTH, HEADS = 32, 8, 12, 2


class Normalize(torch.nn.Module):
    def __init__(self, mean, std):
        super().__init__()
        self.mean, self.std = (torch.tensor(values).view(1, 3, 1, 1) for values in (mean, std))

    def forward(self, x):
        return (x - self.mean) / self.std


vision = types.ModuleType("torchvision")
vision.transforms = types.ModuleType("torchvision.transforms")
vision.transforms.Normalize = Normalize
sys.modules |= {"torchvision": vision, "torchvision.transforms": vision.transforms, "open_clip": types.ModuleType("open_clip")}

from dreamsim import model as package  # noqa: E402
from dreamsim.feature_extraction import extractor, load_clip_as_dino, load_open_clip_as_dino  # noqa: E402
from dreamsim.feature_extraction.vision_transformer import VisionTransformer  # noqa: E402

specification = importlib.util.spec_from_file_location("convert_dreamsim", ROOT / "scripts/convert_dreamsim.py")
converter = importlib.util.module_from_spec(specification)
specification.loader.exec_module(converter)


def small_vit(patch_size=PATCH, side=SIDE):
    return VisionTransformer(img_size=[side], patch_size=PATCH, embed_dim=WIDTH, depth=12, num_heads=HEADS, mlp_ratio=4,
                             qkv_bias=True, norm_layer=functools.partial(torch.nn.LayerNorm, eps=1e-6))


@torch.no_grad()
def spread(state, generator):
    """Random numbers in every tensor, biases, scales and positions too, as a trained model has them."""
    for name in sorted(state):
        noise = torch.randn(state[name].shape, generator=generator)
        is_scale = "norm" in name and name.endswith("weight") or "lambda" in name or name == "pos_drop.weight"
        state[name] = 1 + 0.2 * noise if is_scale else 0.25 * noise
    return state


def publish_ensemble(cache, generator):
    """Base weights as the package downloads them."""
    (cache / "checkpoints").mkdir()
    torch.save(spread(small_vit(side=40).state_dict(), generator), cache / "checkpoints/dino_vitbase16_pretrain.pth")
    head = {f"module.head.{name}": torch.zeros(1) for name in ("mlp.0.weight", "mlp.0.bias", "mlp.2.weight", "mlp.2.bias",
                                                              "mlp.4.weight", "mlp.4.bias", "last_layer.weight")}
    torch.save({"student": head}, cache / "dino_vitb16_pretrain.pth")
    for name in ("clip", "open_clip"):
        vit = small_vit()
        vit.pos_drop = torch.nn.LayerNorm(WIDTH)
        state = {**vit.state_dict(), "proj": torch.zeros(WIDTH, 8)}
        torch.save({"state_dict": spread(state, generator)}, cache / f"{name}_vitb16_pretrain.pth.tar")


def open_ensemble(cache):
    def from_hub(repository, name):
        vit = small_vit(side=40)
        vit.load_state_dict(torch.load(cache / "checkpoints/dino_vitbase16_pretrain.pth", weights_only=True))
        return vit

    torch.hub.load, torch.hub.set_dir = from_hub, lambda folder: None
    load_clip_as_dino.vit_base = load_open_clip_as_dino.vit_base = small_vit
    settings = {**package.dreamsim_args["model_config"]["ensemble"], "stride": f"{PATCH},{PATCH},{PATCH}"}
    return package.PerceptualModel(**settings, device="cpu", load_dir=str(cache), normalize_embeds=True)


def adapted(model, folder, generator):
    """With a random adapter, saved as peft saves it."""
    model = peft.get_peft_model(model, peft.LoraConfig(r=4, lora_alpha=2, lora_dropout=0.3, bias="none", target_modules=["qkv"]))
    with torch.no_grad():
        for name, tensor in sorted(model.named_parameters()):
            if "lora_" in name:
                tensor.copy_(0.3 * torch.randn(tensor.shape, generator=generator))
    model.save_pretrained(folder)
    return model.eval()


class Dinov2(torch.nn.Module):
    """transformers' Dinov2Model with hub's names, and one matrix for q, k and v, so that the adapter acts as on hub's."""

    def __init__(self, config):
        super().__init__()
        self.net = Dinov2Model(config).eval()

    def state(self):
        source, out = self.net.state_dict(), {}
        for name, tensor in source.items():
            name = name.replace("embeddings.cls_token", "cls_token").replace("embeddings.position_embeddings", "pos_embed")
            name = name.replace("embeddings.patch_embeddings.projection", "patch_embed.proj").replace("embeddings.mask_token", "mask_token")
            name = name.replace("encoder.layer.", "blocks.").replace("attention.o_proj", "attn.proj").replace("layernorm.", "norm.")
            name = name.replace("layer_scale1.lambda1", "ls1.gamma").replace("layer_scale2.lambda1", "ls2.gamma")
            out[name] = tensor
        for i in range(self.net.config.num_hidden_layers):
            for part in ("weight", "bias"):
                parts = [out.pop(f"blocks.{i}.attention.{each}_proj.{part}") for each in "qkv"]
                out[f"blocks.{i}.attn.qkv.{part}"] = torch.cat(parts)
        return out

    def add(self, module, change):
        """Adds to q, k and v what an adapter of hub's qkv says."""
        attention = self.net.encoder.layer[int(module.split(".")[1])].attention
        for layer, part in zip((attention.q_proj, attention.k_proj, attention.v_proj), change.chunk(3)):
            layer.weight.data += part

    def embed(self, pixels):
        prepared = Normalize(package.IMAGENET_DEFAULT_MEAN, package.IMAGENET_DEFAULT_STD)(pixels)
        states = self.net(prepared, output_hidden_states=True).hidden_states[-1]
        return package.normalize_embedding(states[:, 0])


def dinov2(cache, generator):
    model = Dinov2(Dinov2Config(hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=HEADS, image_size=SIDE, patch_size=PATCH))
    model.net.load_state_dict(spread(model.net.state_dict(), generator))
    torch.save(model.state(), cache / "dinov2_vitb14_pretrain.pth")
    folder = cache / "dinov2_vitb14_single_lora"
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"r": 3, "lora_alpha": 0.5, "target_modules": ["qkv"]}))
    adapter = {}
    for i in range(2):
        down, up = (torch.randn(shape, generator=generator) for shape in ((3, WIDTH), (3 * WIDTH, 3)))
        name = f"base_model.model.extractor_list.0.model.blocks.{i}.attn.qkv"
        adapter |= {f"{name}.lora_A.weight": down, f"{name}.lora_B.weight": up}
        model.add(f"blocks.{i}", 0.5 / 3 * up @ down)
    torch.save(adapter, folder / "adapter_model.bin")
    return model


def main():
    bytes_ = np.random.default_rng(7).integers(0, 256, (3, 10, 9, 3), dtype=np.uint8).repeat(4, 1).repeat(4, 2)
    resized = [np.asarray(Image.fromarray(each).resize((SIDE, SIDE), Image.BICUBIC)) for each in bytes_]
    pixels = torch.from_numpy(np.stack(resized)).permute(0, 3, 1, 2).float().div(255)
    generator = torch.Generator().manual_seed(3)
    for name, kind in {"ensemble": "ensemble", "dinov2": "dinov2_vitb14"}.items():
        with tempfile.TemporaryDirectory() as folder, torch.no_grad():
            cache = pathlib.Path(folder)
            if name == "ensemble":
                publish_ensemble(cache, generator)
                model = adapted(open_ensemble(cache), cache / "ensemble_lora", generator).base_model.model
            else:
                model = dinov2(cache, generator)
            embeddings = model.embed(pixels)
            converter.convert(cache, OUT / name, kind, image_size=SIDE, head_width=WIDTH // HEADS)
        save_file({"pictures": torch.from_numpy(bytes_).permute(0, 3, 1, 2).contiguous(), "pixels": pixels.contiguous(),
                   "embeddings": embeddings.contiguous()}, OUT / f"{name}.safetensors")
        print(name, tuple(embeddings.shape), (embeddings @ embeddings.T).tolist())


main()
