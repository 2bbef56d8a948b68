#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""DRIFT on a tiny Stable Diffusion 1.5 that diffusers makes; the adapter goes back into diffusers.

    python tests/interop/sd15_drift.py --program build/gamut    # torch, diffusers, transformers, peft, safetensors, numpy, pillow

  1. A pipeline with Stable Diffusion 1.5's blocks at small width, random weights, saved by diffusers.
  2. `gamut train recipes/sd15/drift.toml` on it with the JPEG reward, seeds 1, 2, 3; subset, prompt noise and potential
     stay on. The reward must rise on every seed by five standard errors or more, as gamut's evaluation says and as
     diffusers and Pillow say from other latents; the noise is that of the pairs with and without the adapter.
  3. diffusers loads each adapter (`load_lora_weights`) and samples what `gamut sample --lora` samples from the same
     latents: latents to 1e-4 of their size, pixels to one level.
"""
import argparse
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

ROOT = pathlib.Path(__file__).resolve().parents[2]
try:
    import numpy as np
    import torch
    from PIL import Image
    from diffusers import AutoencoderKL, DDIMScheduler, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from safetensors.torch import load_file, save_file
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer
except ImportError as missing:
    print(f"sd15_drift: skipped, Python lacks a package: {missing}")
    sys.exit(77)

PROMPTS = ["cat", "spider", "whale"]
MEMBERS, STEPS, GUIDANCE = 2, 8, 5.0
PAIRS, TRAINED_STEPS = 64, 4  # of each prompt, to measure the reward; steps of a rollout
TABLE = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1)


def expect(condition, *what):
    if not condition:
        sys.exit(f"sd15_drift: {' '.join(map(str, what))}")


def gamut(program, *words):
    ran = subprocess.run([program, *map(str, words)], cwd=ROOT, capture_output=True, text=True, timeout=900,
                         env=os.environ | {"OMP_NUM_THREADS": "1"})
    expect(ran.returncode == 0, "gamut", *words, "\n", ran.stderr[-2000:])
    return ran.stdout


def make_pipeline(folder):
    """Stable Diffusion 1.5's blocks at 1/40 of its width; latents 8 x 8, pictures 64 x 64."""
    torch.manual_seed(11)
    tokenizer = CLIPTokenizer.from_pretrained(ROOT / "models/glyphs/tokenizer")
    end = tokenizer.eos_token_id
    text = CLIPTextModel(CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=tokenizer.model_max_length, bos_token_id=tokenizer.bos_token_id, eos_token_id=end,
        pad_token_id=end))
    unet = UNet2DConditionModel(
        sample_size=8, block_out_channels=(8, 16, 16, 16), layers_per_block=2, cross_attention_dim=16,
        attention_head_dim=8, norm_num_groups=4)
    torch.manual_seed(11)
    vae = AutoencoderKL(block_out_channels=(8, 8, 16, 16), layers_per_block=1, norm_num_groups=1, latent_channels=4,
                        sample_size=64, down_block_types=("DownEncoderBlock2D",) * 4,
                        up_block_types=("UpDecoderBlock2D",) * 4)
    with torch.no_grad():
        # Text and noise level must matter, and pictures must use the range: fresh weights do neither.
        for module in (text, unet):
            for parameter in module.parameters():
                if parameter.dim() > 1:
                    parameter.add_(torch.randn_like(parameter) * 0.15)
        # A network that never learned to predict noise leaves latents of deviation 6 and more, nearly white. Here their
        # pictures are dark, and what is brighter than black shows: so the size of the JPEG follows the means of the
        # latents, which an adapter can move (R2 0.63 within a prompt), rather than single pixels, which it cannot. Around
        # gray, and with norm groups that take the means out, R2 is 0.03, and this many pictures teach next to nothing.
        latents = 12 * torch.randn(64, 4, 8, 8) / 0.18215
        vae.decoder.conv_out.weight.mul_(0.6 / vae.decode(latents).sample.std((2, 3)).mean())
        vae.decoder.conv_out.bias.zero_()
        vae.decoder.conv_out.bias.sub_(vae.decode(latents).sample.mean((0, 2, 3)) + 1.2)
    pipe = StableDiffusionPipeline(
        vae=vae.eval(), text_encoder=text.eval(), tokenizer=tokenizer, unet=unet.eval(),
        scheduler=PNDMScheduler(**TABLE, skip_prk_steps=True, set_alpha_to_one=False), safety_checker=None,
        feature_extractor=None, requires_safety_checker=False)
    pipe.save_pretrained(folder)
    return folder


def train(program, model, run, prompts, seed, reward):
    """gamut's evaluation before and after, on its own seeds."""
    sets = {"model": model, "device": "cpu", "dtype": "fp32", "seed": seed, "iterations": 40,
            "reward.kind": reward, "rollout.prompts": prompts, "rollout.prompts_per_iteration": 3,
            # 10 of 13 rather than of 20 train: the spread of what is kept is 0.6 of the candidates' rather than 0.3,
            # and with it the share of the reward in the advantages.
            "rollout.group_size": 10, "subset.candidates": 13, "rollout.micro_batch": 39, "rollout.updates": 1,
            "sampler.steps": TRAINED_STEPS, "optimizer.learning_rate": 5e-3, "ema.decay": 0.5, "ema.every": 1,
            "eval.prompts": prompts, "eval.members": PAIRS, "eval.steps": TRAINED_STEPS, "eval.every": 1000,
            "eval.micro_batch": 96, "checkpoint.every": 1000}
    gamut(program, "train", "recipes/sd15/drift.toml", "--run", run,
          *[word for key, value in sets.items() for word in ("--set", f"{key}={value}")])
    rows = [json.loads(line) for line in (run / "evals.jsonl").read_text().splitlines()]
    rows = [row for row in rows if row.get("role", "select") == "select" and row.get("set", "prompts") == "prompts"]
    metrics = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    expect(all(row["ratio_max_deviation"] == 0 for row in metrics), "the ratio left 1 before an update")
    expect(all(0.3 < row["subset_std_ratio"] < 0.9 and row["bonus_std"] > 0 for row in metrics), "a part of DRIFT is off")
    return rows[0]["reward"], rows[-1]["reward"]


def ddim_pipeline(model):
    pipe = StableDiffusionPipeline.from_pretrained(model, safety_checker=None)
    pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config, clip_sample=False)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def load_adapter(pipe, adapter):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pipe.load_lora_weights(adapter)
    expect(not [w for w in caught if "unexpected" in str(w.message) or "missing" in str(w.message)],
           "diffusers warns:", [str(w.message) for w in caught])
    return pipe


def rewards_by_diffusers(pipe, reward):
    """Of each picture in kB, with the reward's sign; the same latents at every call."""
    torch.manual_seed(5)
    latents = torch.randn(len(PROMPTS) * PAIRS, 4, 8, 8)
    pictures = pipe(PROMPTS, latents=latents, num_images_per_prompt=PAIRS, num_inference_steps=TRAINED_STEPS,
                    guidance_scale=GUIDANCE, eta=0.0, output_type="pil").images
    sizes = []
    for picture in pictures:
        buffer = io.BytesIO()
        picture.save(buffer, format="JPEG", quality=95)
        sizes.append(buffer.tell() / 1000)
    return np.array(sizes) * (-1 if reward == "jpeg_compressibility" else 1)


def check_rise(seed, evaluated, base, tuned):
    """evaluated: gamut's two means. base, tuned: rewards by diffusers, in pairs."""
    rise, error = (tuned - base).mean(), (tuned - base).std(ddof=1) / len(base) ** 0.5
    before, after = evaluated
    print(f"seed {seed}: reward by gamut {before:.3f} -> {after:.3f} ({after - before:+.3f}), by diffusers "
          f"{base.mean():.3f} -> {tuned.mean():.3f} ({rise:+.3f}), standard error {error:.3f} kB", flush=True)
    expect(rise >= 5 * error and after - before >= 5 * error, "the reward does not rise, seed", seed)


def same_pictures(program, model, adapter, folder):
    torch.manual_seed(3)
    count = len(PROMPTS) * MEMBERS
    latents = torch.randn(count, 4, 8, 8)
    save_file({"latents": latents}, folder / "init.safetensors")
    gamut(program, "sample", "--model", model, "--lora", adapter, *[w for p in PROMPTS for w in ("--prompt", p)],
          "-n", MEMBERS, "--sampler", "ddim", "--eta", 0, "--steps", STEPS, "--guidance", GUIDANCE,
          "--init-latents", folder / "init.safetensors", "--save-latents", folder / "out.safetensors",
          "--save-images", folder / "images")
    ours = load_file(folder / "out.safetensors")["latents"]

    pipe = ddim_pipeline(model)
    arguments = dict(num_images_per_prompt=MEMBERS, num_inference_steps=STEPS, guidance_scale=GUIDANCE, eta=0.0)
    base = pipe(PROMPTS, latents=latents.clone(), output_type="latent", **arguments).images
    load_adapter(pipe, adapter)
    theirs = pipe(PROMPTS, latents=latents.clone(), output_type="latent", **arguments).images
    pixels = pipe(PROMPTS, latents=latents.clone(), output_type="np", **arguments).images

    apart, moved = (ours - theirs).abs().max().item(), (theirs - base).abs().max().item()
    expect(moved > 1e-2, "the adapter changes nothing:", moved)
    expect(apart <= 1e-4 * max(1.0, theirs.abs().max().item()), "latents differ by", apart)
    files = sorted((folder / "images").iterdir())
    expect(len(files) == count, files)
    drawn = np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files]).astype(int)
    level = np.abs(drawn - (pixels * 255).round().astype(int)).max()
    expect(level <= 1, "pixels differ by", level, "levels")
    return apart, moved, level


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(ROOT / "build/gamut"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--reward", default="jpeg_compressibility", help="or jpeg_incompressibility: the other way round")
    options = parser.parse_args()
    program = str(pathlib.Path(options.program).resolve())
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        model = make_pipeline(folder / "model")
        prompts = folder / "prompts.jsonl"
        prompts.write_text("".join(json.dumps({"prompt": prompt}) + "\n" for prompt in PROMPTS))
        base = rewards_by_diffusers(ddim_pipeline(model), options.reward)
        for seed in options.seeds:
            run = folder / f"run-{seed}"
            evaluated = train(program, model, run, prompts, seed, options.reward)
            adapted = load_adapter(ddim_pipeline(model), run / "model")
            check_rise(seed, evaluated, base, rewards_by_diffusers(adapted, options.reward))
            (folder / f"same-{seed}").mkdir()
            apart, moved, level = same_pictures(program, model, run / "model", folder / f"same-{seed}")
            print(f"seed {seed}: the adapter moves latents by up to {moved:.3f}; diffusers and gamut differ by "
                  f"{apart:.1e}, pixels by {level} of 255", flush=True)


if __name__ == "__main__":
    main()
