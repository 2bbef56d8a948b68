#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/interop/fixtures/image_reward.safetensors: a tiny ImageReward of random weights under the published names, and what the
package image-reward 1.5 makes of pictures with it (torch 2.13, transformers 5). It never runs gamut, nor the server that is tested.

    PACKAGE=folder-of-ImageReward python tests/generators/image_reward.py

The package's networks (models/BLIP/med.py, vit.py) are loaded as they are; what they import from older libraries is given here: of
timm the patch embedding (a convolution) and names that are not called, of transformers 4 a few functions that its 5 keeps elsewhere or not at all.
Beside the weights: pixels [3, 3, 32, 32], ids and mask [3, 35], rewards [3], as ImageReward.score_gard computes them.
"""
import importlib.util
import os
import pathlib
import sys
import types

import torch
from safetensors.torch import save_file
from transformers import BertConfig, modeling_utils, pytorch_utils
from transformers.utils import ModelOutput

OUT = pathlib.Path(__file__).resolve().parents[1] / "interop/fixtures/image_reward.safetensors"
PACKAGE = pathlib.Path(os.environ["PACKAGE"])
WIDTH, TEXT_WIDTH, SIDE, PATCH, WORDS = 16, 24, 32, 8, 40
MEAN, STD = 0.16717362830052426, 1.0333394966054072


class PatchEmbed(torch.nn.Module):
    def __init__(self, img_size, patch_size, in_chans, embed_dim):
        super().__init__()
        self.num_patches = (img_size // patch_size) ** 2
        self.proj = torch.nn.Conv2d(in_chans, embed_dim, patch_size, patch_size)

    def forward(self, x):
        return self.proj(x).flatten(2).transpose(1, 2)


def stand_in(name, **members):
    module = sys.modules.setdefault(name, types.ModuleType(name))
    vars(module).update(members)


stand_in("timm")
stand_in("timm.models")
stand_in("timm.models.vision_transformer", _cfg=None, PatchEmbed=PatchEmbed)
stand_in("timm.models.registry", register_model=None)
stand_in("timm.models.layers", trunc_normal_=torch.nn.init.trunc_normal_, DropPath=torch.nn.Identity)
stand_in("timm.models.helpers", named_apply=None, adapt_input_conv=None)
stand_in("fairscale.nn.checkpoint.checkpoint_activations", checkpoint_wrapper=None)
stand_in("transformers.file_utils", ModelOutput=ModelOutput)
for function in ("apply_chunking_to_forward", "prune_linear_layer"):
    setattr(modeling_utils, function, getattr(pytorch_utils, function))
modeling_utils.find_pruneable_heads_and_indices = None


def load(name):
    specification = importlib.util.spec_from_file_location(name, PACKAGE / f"models/BLIP/{name}.py")
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    return module


med, vit = load("med"), load("vit")
med.BertModel.get_head_mask = lambda self, mask, layers: [None] * layers
med.BertModel.init_weights = lambda self: None
med.BertModel.invert_attention_mask = lambda self, mask: (1 - mask[:, None, None, :].float()) * torch.finfo(torch.float32).min


@torch.no_grad()
def spread(module, generator):
    for name, tensor in sorted(module.state_dict().items()):
        if tensor.is_floating_point():
            noise = torch.randn(tensor.shape, generator=generator)
            tensor.copy_(1 + 0.2 * noise if "norm" in name.lower() and name.endswith("weight") else 0.25 * noise)
    return module.eval()


@torch.no_grad()
def main():
    generator = torch.Generator().manual_seed(11)
    visual = spread(vit.VisionTransformer(img_size=SIDE, patch_size=PATCH, embed_dim=WIDTH, depth=2, num_heads=2), generator)
    config = BertConfig(vocab_size=WORDS, hidden_size=TEXT_WIDTH, intermediate_size=32, num_hidden_layers=2, num_attention_heads=3,
                        max_position_embeddings=40, add_cross_attention=True, layer_norm_eps=1e-12, type_vocab_size=2)
    config.encoder_width, config.fusion_layer = WIDTH, 0
    config._attn_implementation = "eager"
    text = spread(med.BertModel(config, add_pooling_layer=False), generator)
    head = torch.nn.Sequential(torch.nn.Linear(TEXT_WIDTH, 16), torch.nn.Dropout(0.2), torch.nn.Linear(16, 8), torch.nn.Dropout(0.2),
                               torch.nn.Linear(8, 1))
    spread(head, generator)
    pixels = torch.rand(3, 3, SIDE, SIDE, generator=generator) * 2 - 1
    ids, mask = torch.zeros(3, 35, dtype=torch.long), torch.zeros(3, 35, dtype=torch.long)
    for row, length in enumerate((5, 9, 35)):
        ids[row, :length] = torch.randint(1, WORDS, (length,), generator=generator)
        mask[row, :length] = 1
    seen = visual(pixels)
    states = text(ids, attention_mask=mask, encoder_hidden_states=seen, return_dict=True,
                  encoder_attention_mask=torch.ones(seen.shape[:-1], dtype=torch.long))
    rewards = (head(states.last_hidden_state[:, 0])[:, 0] - MEAN) / STD
    state = {f"blip.visual_encoder.{name}": tensor for name, tensor in visual.state_dict().items()}
    state |= {f"blip.text_encoder.{name}": tensor for name, tensor in text.state_dict().items() if tensor.is_floating_point()}
    state |= {f"mlp.layers.{name}": tensor for name, tensor in head.state_dict().items()}
    state |= {"golden.pixels": pixels, "golden.ids": ids, "golden.mask": mask, "golden.rewards": rewards}
    OUT.parent.mkdir(exist_ok=True)
    save_file({name: tensor.contiguous().clone() for name, tensor in state.items()}, OUT)
    print(rewards.tolist(), OUT.stat().st_size)


main()
