# SPDX-License-Identifier: Apache-2.0
"""Loads adapters that gamut wrote with diffusers and peft, as their users would, and compares what is sampled.

    python tests/generators/check_lora.py [GAMUT] [FOLDER]      # default build/gamut, a temporary folder

Makes a tiny Stable Diffusion 1.5 pipeline with diffusers, and an adapter of its U-Net and text encoder with peft, whose
alpha is not its rank. gamut converts it to each form; diffusers (load_lora_weights) and peft (PeftModel) must load each
without a warning and sample the latents that gamut samples. Then gamut trains an adapter of its own on
tests/cli/fixtures/tiny, and diffusers must predict with it what gamut does. Fails on the first difference.

Run with torch 2.13, diffusers 0.42, transformers 5, peft 0.21.
"""

import json
import logging
import pathlib
import shutil
import subprocess
import sys
import tempfile
import warnings

import diffusers
import peft
import torch
import transformers
from safetensors.torch import load_file, save_file
from tiny_pipeline import FIXTURES, GLYPHS, euler, liven

ROOT = pathlib.Path(__file__).parent.parent.parent
PROMPTS = ["the digit 7", "the letter K, dark red on light cyan"]
STEPS = 4


class Strict(logging.Handler):
    """A warning of a loader is a failure: that is where missing and unexpected keys are told."""

    def emit(self, record):
        if "safe to ignore" not in record.getMessage():  # a file without layers of the text encoder
            raise AssertionError(record.getMessage())


def make_pipeline(folder):
    torch.manual_seed(3)
    vocabulary = json.loads((GLYPHS / "tokenizer" / "vocab.json").read_text())
    encoder = transformers.CLIPTextModel(transformers.CLIPTextConfig(
        vocab_size=len(vocabulary), hidden_size=24, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=16, bos_token_id=vocabulary["<|startoftext|>"],
        eos_token_id=vocabulary["<|endoftext|>"], pad_token_id=vocabulary["<|endoftext|>"]))
    unet = diffusers.UNet2DConditionModel(
        sample_size=16, block_out_channels=(16, 32, 64, 64), attention_head_dim=8, cross_attention_dim=24,
        norm_num_groups=8)
    for module in (encoder, unet):
        liven(module)
    vae = diffusers.AutoencoderKL(block_out_channels=(8,), norm_num_groups=4)
    pipe = diffusers.StableDiffusionPipeline(
        vae=vae, text_encoder=encoder, unet=unet, safety_checker=None, feature_extractor=None,
        tokenizer=transformers.CLIPTokenizer.from_pretrained(GLYPHS / "tokenizer"), requires_safety_checker=False,
        scheduler=diffusers.DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
                                          clip_sample=False, set_alpha_to_one=False, steps_offset=1))
    pipe.save_pretrained(folder)
    # The text encoder in gamut's reading has the tokenizer of the shipped base.
    shutil.copytree(GLYPHS / "tokenizer", folder / "tokenizer", dirs_exist_ok=True)


def open_pipeline(folder):
    pipe = diffusers.StableDiffusionPipeline.from_pretrained(folder)
    pipe.set_progress_bar_config(disable=True)
    return pipe


TARGETS = ["to_q", "to_k", "to_v", "to_out.0", "proj_in", "conv1", "ff.net.0.proj"]


def make_adapter(folder, path, **configs):
    torch.manual_seed(4)
    pipe = open_pipeline(folder)
    adapted = {name: getattr(pipe, name) for name in configs}
    for name, module in adapted.items():
        module.add_adapter(peft.LoraConfig(**configs[name]))
        for key, parameter in module.named_parameters():
            if "lora_B" in key:
                torch.nn.init.normal_(parameter, std=0.3)
    layers = {f"{name}_lora_layers": peft.get_peft_model_state_dict(module) for name, module in adapted.items()}
    pipe.save_lora_weights(path, **layers, **diffusers.training_utils._collate_lora_metadata(adapted))


@torch.no_grad()
def sample(pipe, init):
    prompts = [prompt for prompt in PROMPTS for _ in range(len(init) // len(PROMPTS))]
    return pipe(prompts, latents=init.clone(), guidance_scale=1, num_inference_steps=STEPS, eta=0,
                output_type="latent").images


def compare(what, got, expected, tolerance):
    error = (got - expected).abs().max().item()
    print(f"{what}: largest difference {error:.1e}")
    assert error <= tolerance, what


class Gamut:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder

    def __call__(self, *args):
        done = subprocess.run([self.program, *map(str, args)], cwd=ROOT, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, f"gamut {args}: {done.stderr}"

    def sample(self, model, init, *more, steps=STEPS):
        save_file({"latents": init}, self.folder / "init.safetensors")
        prompts = [word for prompt in PROMPTS for word in ("--prompt", prompt)]
        self("sample", "--model", model, *prompts, "-n", len(init) // len(PROMPTS), "--steps", steps, "--init-latents",
             self.folder / "init.safetensors", "--save-latents", self.folder / "out.safetensors", *more)
        return load_file(self.folder / "out.safetensors")["latents"]


def check_conversions(gamut, folder):
    make_pipeline(folder / "sd")
    # As peft's users make one: other ranks and alphas for some layers.
    make_adapter(folder / "sd", folder / "source", text_encoder=dict(r=4, lora_alpha=2, target_modules=["q_proj", "fc1"]),
                 unet=dict(r=4, lora_alpha=6, target_modules=TARGETS, rank_pattern={"attn2.to_k": 2},
                           alpha_pattern={"conv1": 3}))
    init = torch.randn(4, 4, 16, 16, generator=torch.Generator().manual_seed(6))
    base = sample(open_pipeline(folder / "sd"), init)
    compare("no adapter", gamut.sample(folder / "sd", init), base, 1e-4)
    pipe = open_pipeline(folder / "sd")
    pipe.load_lora_weights(folder / "source")
    expected = sample(pipe, init)
    assert (expected - base).abs().max() > 0.1
    compare("diffusers' own file in gamut", gamut.sample(folder / "sd", init, "--lora", folder / "source"), expected, 1e-4)

    gamut("convert", "lora", folder / "source", folder / "d", "--to", "diffusers")
    gamut("convert", "lora", folder / "d", folder / "k.safetensors", "--to", "kohya")
    gamut("convert", "lora", folder / "d", folder / "p", "--to", "peft")
    for form in ("d", "k.safetensors", "p"):
        compare(f"{form} in gamut", gamut.sample(folder / "sd", init, "--lora", folder / form), expected, 1e-4)
    pipe = open_pipeline(folder / "sd")
    pipe.load_lora_weights(folder / "d", adapter_name="default")
    loaded = len(peft.get_peft_model_state_dict(pipe.unet)) + len(peft.get_peft_model_state_dict(pipe.text_encoder))
    assert loaded == len(load_file(folder / "d" / "pytorch_lora_weights.safetensors"))
    compare("d in diffusers", sample(pipe, init), expected, 1e-4)
    pipe = open_pipeline(folder / "sd")
    pipe.unet = peft.PeftModel.from_pretrained(pipe.unet, folder / "p" / "unet").base_model.model
    pipe.text_encoder = peft.PeftModel.from_pretrained(pipe.text_encoder, folder / "p" / "text_encoder").base_model.model
    compare("p in peft", sample(pipe, init), expected, 1e-4)
    gamut("convert", "merge", folder / "sd", folder / "d", folder / "merged")
    compare("merged in diffusers", sample(open_pipeline(folder / "merged"), init), expected, 2e-4)


def check_kohya(gamut, folder):
    """One alpha, U-Net only: diffusers' reader of kohya files drops the alphas of single attention layers, and the
    text encoder's names do not fit transformers 5. Both hold for the kohya files of others too."""
    make_adapter(folder / "sd", folder / "plain", unet=dict(r=4, lora_alpha=6, target_modules=TARGETS))
    init = torch.randn(4, 4, 16, 16, generator=torch.Generator().manual_seed(6))
    gamut("convert", "lora", folder / "plain", folder / "k.safetensors", "--to", "kohya")
    pipe = open_pipeline(folder / "sd")
    pipe.load_lora_weights(folder / "k.safetensors", adapter_name="default")
    assert 3 * len(peft.get_peft_model_state_dict(pipe.unet)) == 2 * len(load_file(folder / "k.safetensors"))
    compare("k.safetensors in diffusers", sample(pipe, init),
            gamut.sample(folder / "sd", init, "--lora", folder / "plain"), 1e-4)


@torch.no_grad()
def check_training(gamut, folder):
    tiny = FIXTURES / "tiny"
    gamut("train", "recipes/glyphs/flow_grpo.toml", "--run", folder / "run", "--set", f"model={tiny}", "--set",
          "iterations=3", "--set", "lora.rank=4", "--set", "rollout.group_size=4", "--set", "rollout.micro_batch=16",
          "--set", "optimizer.learning_rate=2e-2", "--set", "eval.members=2", "--set", "eval.steps=2", "--set",
          "ema.every=1", "--set", "reward.kind=reader", "--set", "judge.kind=reader")
    init = torch.randn(4, 12, 16, 16, generator=torch.Generator().manual_seed(8))
    ours = gamut.sample(tiny, init, "--lora", folder / "run" / "model")
    unet = diffusers.UNet2DConditionModel.from_pretrained(tiny / "unet")
    unet.load_lora_adapter(
        folder / "run" / "model", prefix="unet", weight_name="pytorch_lora_weights.safetensors")
    unet.fuse_lora()
    unet.unload_lora()
    fused = folder / "fused"
    shutil.copytree(tiny, fused)
    unet.save_pretrained(fused / "unet")
    compare("gamut's own adapter in diffusers", ours, euler(fused, PROMPTS, init, STEPS, 1.0, 1), 1e-4)
    assert (ours - gamut.sample(tiny, init)).abs().max() > 1e-3


def main(program="build/gamut", folder=None):
    warnings.filterwarnings("error", message=".*(adapter keys|pattern keys)")
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()
    diffusers.utils.logging.get_logger("diffusers").addHandler(Strict(logging.WARNING))
    program = pathlib.Path(program).resolve()
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(folder or temporary)
        gamut = Gamut(program, folder)
        check_conversions(gamut, folder)
        check_kohya(gamut, folder)
        check_training(gamut, folder)
    print("every form loads everywhere")


if __name__ == "__main__":
    main(*sys.argv[1:])
