# SPDX-License-Identifier: Apache-2.0
"""FLOPs and memory of tests/cli/fixtures/tiny_sd, of Stable Diffusion 1.5's networks and of the transformers of Stable
Diffusion 3.5 Medium and FLUX.1-dev (one picture of 512x512; 205 and 128 tokens of text), counted by PyTorch.

    python tests/generators/flops.py         # needs torch, diffusers, transformers

Writes tests/nn/fixtures/flops.json: per model and part the FLOPs of one sample by torch.utils.flop_counter
(FlopCounterMode, 2 per multiply-add, with attention's products), forward and backward with all weights and without any
trained (gradients of latents and text only), the number of weights, and `saved_bytes`, what autograd keeps of one forward pass
with all weights trained: distinct storages seen by saved_tensors_hooks, the weights themselves left out. Everything but
the bytes runs on the meta device, where nothing is computed.

Made with torch 2.14, diffusers 0.42, transformers 5.
"""
import json
import pathlib
import sys

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch.utils.flop_counter import FlopCounterMode
from transformers import CLIPTextConfig, CLIPTextModel

ROOT = pathlib.Path(__file__).resolve().parents[2]
TINY = ROOT / "tests/cli/fixtures/tiny_sd"
sys.path.insert(0, str(ROOT / "scripts"))


def count(run):
    with FlopCounterMode(display=False) as counter:
        run()
    return counter


def size(module):
    return sum(parameter.numel() for parameter in module.parameters())


def unet_flops(unet, tokens):
    side, width = unet.config.sample_size, unet.config.cross_attention_dim
    device = next(unet.parameters()).device
    x = torch.zeros(1, unet.config.in_channels, side, side, device=device, requires_grad=True)
    time, text = torch.ones(1, device=device), torch.zeros(1, tokens, width, device=device, requires_grad=True)
    run = lambda: unet(x, time, text).sample
    forward = count(run)
    # On the meta device attention is two products by bmm, and so is nothing else.
    out = {"parameters": size(unet), "forward": forward.get_total_flops(),
           "attention": forward.get_flop_counts()["Global"][torch.ops.aten.bmm]}
    out["forward_backward"] = count(lambda: run().square().mean().backward()).get_total_flops()
    unet.requires_grad_(False)
    out["forward_backward_frozen"] = count(lambda: run().square().mean().backward()).get_total_flops()
    unet.requires_grad_(True)
    return out


def saved_bytes(unet, tokens):
    weights = {parameter.untyped_storage().data_ptr() for parameter in unet.parameters()}
    storages, kept = {}, []

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            storages[storage.data_ptr()] = storage.nbytes()
        kept.append(tensor)  # so that no address is used twice
        return tensor

    side = unet.config.sample_size
    x, text = torch.randn(1, 4, side, side), torch.randn(1, tokens, unet.config.cross_attention_dim)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        out = unet(x, torch.ones(1), text).sample
    return sum(storages.values())


def part_flops(text, vae, tokens, side):
    return {
        "text_encoder": {"parameters": size(text),
                         "forward": count(lambda: text(torch.ones(1, tokens, dtype=torch.long, device="meta"))
                                          ).get_total_flops()},
        "vae": {"parameters": size(vae),
                "decode": count(lambda: vae.decode(torch.zeros(1, 4, side, side, device="meta"))).get_total_flops()},
    }


def tiny():
    with torch.device("meta"):
        text = CLIPTextModel(CLIPTextConfig.from_pretrained(TINY / "text_encoder"))
        vae = AutoencoderKL.from_config(AutoencoderKL.load_config(TINY / "vae"))
    unet = UNet2DConditionModel.from_pretrained(TINY / "unet")
    tokens, side = text.config.max_position_embeddings, unet.config.sample_size
    with torch.no_grad():
        out = part_flops(text, vae, tokens, side)
    kept = saved_bytes(unet, tokens)
    out["unet"] = {**unet_flops(unet.to("meta"), tokens), "saved_bytes": kept}
    return out


def stable_diffusion():
    from make_random_sd15 import parts
    with torch.device("meta"):
        text, unet, vae, _ = parts()
    with torch.no_grad():
        out = part_flops(text, vae, 77, 64)
    out["unet"] = unet_flops(unet, 77)
    return out


def transformer_flops(net, inputs):
    net.requires_grad_(False)
    with torch.no_grad():
        forward = count(lambda: net(**inputs))
    return {"parameters": size(net), "forward": forward.get_total_flops()}


def transformers_flops():
    import make_random_flux
    import make_random_sd35
    with torch.device("meta"):
        sd35, flux = make_random_sd35.transformer(False), make_random_flux.transformer(False, False)
        one = torch.ones(1)
        return {
            "sd35_transformer": transformer_flops(sd35, {
                "hidden_states": torch.zeros(1, 16, 64, 64), "timestep": one, "pooled_projections": torch.zeros(1, 2048),
                "encoder_hidden_states": torch.zeros(1, 205, 4096)}),
            "flux_transformer": transformer_flops(flux, {
                "hidden_states": torch.zeros(1, 1024, 64), "timestep": one, "guidance": one,
                "pooled_projections": torch.zeros(1, 768), "encoder_hidden_states": torch.zeros(1, 128, 4096),
                "img_ids": torch.zeros(1024, 3), "txt_ids": torch.zeros(128, 3)}),
        }


if __name__ == "__main__":
    target = ROOT / "tests/nn/fixtures/flops.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps({"tiny_sd": tiny(), "sd15": stable_diffusion(), **transformers_flops()}, indent=1) + "\n")
    print(target.read_text())
