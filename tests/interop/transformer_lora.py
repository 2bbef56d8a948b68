#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Adapters of Stable Diffusion 3.5's and FLUX's transformers, through gamut and back into diffusers and peft.

    python tests/interop/transformer_lora.py --program build/gamut     # torch, diffusers, peft, safetensors

diffusers makes tiny transformers of random weights, peft adapters on flow_grpo's targets, whose alpha is twice the rank, saved
as their own programs save them. `gamut convert lora` writes each in every form; what diffusers (`load_lora_adapter`) and peft
(`PeftModel`) load of those must give the outputs of the adapter that it was made from (1e-5), without a warning. The
`diffusers` form must also hold every part of the matrices that stable-diffusion.cpp keeps, and no scale. kohya's form of FLUX's
attention layers is read by diffusers itself; of its feed-forward layers and of Stable Diffusion 3 diffusers has no reader.
"""
import argparse
import copy
import logging
import pathlib
import subprocess
import sys
import tempfile

try:
    import diffusers
    import peft
    import torch
    from diffusers.training_utils import _collate_lora_metadata
    from peft.utils import get_peft_model_state_dict
    from safetensors.torch import load_file
except ImportError as missing:
    print(f"transformer_lora: skipped, Python lacks a package: {missing}")
    sys.exit(77)

ATTENTION = [f"attn.{name}" for name in ("add_k_proj", "add_q_proj", "add_v_proj", "to_add_out", "to_k", "to_out.0", "to_q",
                                         "to_v")]
FEED_FORWARD = ["ff.net.0.proj", "ff.net.2", "ff_context.net.0.proj", "ff_context.net.2"]


class Strict(logging.Handler):
    """A warning of a loader is a failure: that is where missing and unexpected keys are told."""

    def emit(self, record):
        raise AssertionError(record.getMessage())


def stable_diffusion():
    net = diffusers.SD3Transformer2DModel(
        sample_size=8, num_layers=3, attention_head_dim=8, num_attention_heads=4, joint_attention_dim=24,
        caption_projection_dim=32, pooled_projection_dim=20, pos_embed_max_size=8, dual_attention_layers=(0, 1),
        qk_norm="rms_norm", in_channels=4, out_channels=4)
    inputs = {"hidden_states": torch.randn(2, 4, 8, 12), "timestep": torch.tensor([700.0, 20.0]),
              "encoder_hidden_states": torch.randn(2, 5, 24), "pooled_projections": torch.randn(2, 20)}
    return net, inputs, ATTENTION, diffusers.StableDiffusion3Pipeline


def flux():
    net = diffusers.FluxTransformer2DModel(
        in_channels=16, num_layers=2, num_single_layers=2, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=24, pooled_projection_dim=20, axes_dims_rope=(4, 6, 6), guidance_embeds=True)
    inputs = {"hidden_states": torch.randn(2, 12, 16), "timestep": torch.tensor([0.7, 0.02]), "guidance": torch.full((2,), 3.5),
              "encoder_hidden_states": torch.randn(2, 5, 24), "pooled_projections": torch.randn(2, 20),
              "img_ids": diffusers.FluxPipeline._prepare_latent_image_ids(2, 3, 4, "cpu", torch.float32),
              "txt_ids": torch.zeros(5, 3)}
    return net, inputs, ATTENTION + FEED_FORWARD, diffusers.FluxPipeline


def flux_attention():
    """FLUX with an adapter on attention alone, which is what diffusers' reader of kohya's form knows."""
    return *flux()[:2], ATTENTION, diffusers.FluxPipeline


@torch.no_grad()
def output(net, inputs):
    return net(**inputs).sample


def make_adapter(net, targets, folder, pipeline):
    """diffusers' file and peft's folder of one adapter, and the network that carries it."""
    adapted = copy.deepcopy(net)
    config = peft.LoraConfig(r=4, lora_alpha=8, target_modules=targets, init_lora_weights="gaussian")
    adapted.add_adapter(config)
    for name, parameter in adapted.named_parameters():
        if ".lora_B." in name:
            parameter.data.normal_(0, 0.3)
    pipeline.save_lora_weights(folder / "diffusers", transformer_lora_layers=get_peft_model_state_dict(adapted),
                               **_collate_lora_metadata({"transformer": adapted}))
    wrapped = peft.get_peft_model(copy.deepcopy(net), config)
    wrapped.load_state_dict({f"base_model.model.{k}": v for k, v in adapted.state_dict().items()})
    wrapped.save_pretrained(folder / "peft")
    return adapted


def by_diffusers(net, path):
    loaded = copy.deepcopy(net)
    loaded.load_lora_adapter(path.parent, weight_name=path.name, prefix="transformer")
    return loaded


def by_diffusers_reader_of_kohya(net, path, pipeline):
    """As pipe.load_lora_weights(path) does it."""
    state = pipeline.lora_state_dict(path.parent, weight_name=path.name, return_alphas=True)
    state, alphas = state if isinstance(state, tuple) else (state, None)
    loaded = copy.deepcopy(net)
    loaded.load_lora_adapter(state, prefix="transformer", network_alphas=alphas)
    return loaded


def expect_same(name, got, expected):
    difference = (got - expected).abs().max().item()
    print(f"{name}: outputs differ by {difference:.1e}")
    assert difference < 1e-5, name


def expect_whole_matrices(path):
    """stable-diffusion.cpp's walk: each matrix that has a part has all of them; nothing says a scale."""
    names = {key.split(".lora_")[0] for key in load_file(path)}
    assert not [key for key in load_file(path) if key.endswith((".alpha", ".scale"))]
    for name in names:
        block = ".".join(name.split(".")[:3])
        for parts in (("attn.to_q", "attn.to_k", "attn.to_v"), ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"),
                      ("attn2.to_q", "attn2.to_k", "attn2.to_v")):
            if name.removeprefix(block + ".") not in parts:
                continue
            if "single_transformer_blocks" in block:
                parts += ("proj_mlp",)
            assert all(f"{block}.{part}" in names for part in parts), name


def check(program, make, folder):
    torch.manual_seed(7)
    net, inputs, targets, pipeline = make()
    net.eval()
    adapted = make_adapter(net, targets, folder, pipeline)
    expected, plain = output(adapted, inputs), output(net, inputs)
    assert (expected - plain).abs().max() > 0.1
    for source in ("diffusers", "peft"):
        for form in ("diffusers", "peft", "kohya"):
            target = folder / (f"{source}_as_{form}" + ("" if form == "peft" else ".safetensors"))
            subprocess.run([program, "--quiet", "convert", "lora", folder / source, target, "--to", form], check=True,
                           stdout=subprocess.DEVNULL)
            name = f"{make.__name__}, {source} to {form}"
            if form == "peft":
                expect_same(name, output(peft.PeftModel.from_pretrained(copy.deepcopy(net), target), inputs), expected)
            elif form == "diffusers":
                expect_whole_matrices(target)
                expect_same(name, output(by_diffusers(net, target), inputs), expected)
            else:
                if make is flux_attention:
                    expect_same(name, output(by_diffusers_reader_of_kohya(net, target, pipeline), inputs), expected)
                # Of the others diffusers reads nothing in kohya's form; gamut does.
                back = folder / f"{source}_kohya_back.safetensors"
                subprocess.run([program, "--quiet", "convert", "lora", target, back, "--to", "diffusers"], check=True,
                               stdout=subprocess.DEVNULL)
                expect_same(name + " and back", output(by_diffusers(net, back), inputs), expected)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default="build/gamut")
    program = str(pathlib.Path(parser.parse_args().program).resolve())
    torch.set_num_threads(1)
    for logger in ("diffusers", "peft", "transformers"):
        logging.getLogger(logger).addHandler(Strict(logging.WARNING))
    for make in (stable_diffusion, flux, flux_attention):
        with tempfile.TemporaryDirectory() as folder:
            check(program, make, pathlib.Path(folder))
    print("transformer_lora: passed")


if __name__ == "__main__":
    main()
