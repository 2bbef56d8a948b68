#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Adapters trained on models/sd3-tiny and models/flux-tiny go back into diffusers.

    python tests/interop/dit_pipelines.py --program build/gamut    # torch, diffusers, transformers, peft, safetensors,
                                                                   # sentencepiece, protobuf

Five iterations of DiverseGRPO and of DRIFT on each pipeline, the ratio exactly 1; then diffusers loads each adapter
(`load_lora_weights`) without a warning and samples what `gamut sample --lora` samples from the same latents, to 1e-4 of their
size. DRIFT on FLUX adapts attention alone, and diffusers loads its kohya form too (as ComfyUI knows it) to the same latents.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

ROOT = pathlib.Path(__file__).resolve().parents[2]
try:
    import google.protobuf  # noqa: F401
    import peft  # noqa: F401
    import sentencepiece  # noqa: F401
    import torch
    from diffusers import FluxPipeline, StableDiffusion3Pipeline
    from safetensors.torch import load_file, save_file
except ImportError as missing:
    print(f"dit_pipelines: skipped, Python lacks a package: {missing}")
    sys.exit(77)

ATTENTION = [f"attn.{name}" for name in ("add_k_proj", "add_q_proj", "add_v_proj", "to_add_out", "to_k", "to_out.0", "to_q",
                                         "to_v")]
PROMPTS = ["the digit 7", "the letter K, dark red on light cyan"]
HEIGHT, WIDTH, STEPS = 16, 24, 6


def expect(condition, *what):
    if not condition:
        sys.exit(f"dit_pipelines: {' '.join(map(str, what))}")


def gamut(program, *words):
    ran = subprocess.run([program, *map(str, words)], cwd=ROOT, capture_output=True, text=True, timeout=900,
                         env=os.environ | {"OMP_NUM_THREADS": "1"})
    expect(ran.returncode == 0, "gamut", *words, "\n", ran.stderr[-2000:])


def train(program, kind, model, algorithm, run):
    # A large rate, so that five iterations move the latents by more than roundings.
    sets = {"model": model, "device": "cpu", "dtype": "fp32", "iterations": 5, "reward.kind": "jpeg_compressibility",
            "rollout.prompts_per_iteration": 2, "rollout.group_size": 4, "rollout.micro_batch": 4, "rollout.updates": 1,
            "rollout.height": HEIGHT, "rollout.width": WIDTH, "rollout.max_tokens": 16, "sampler.steps": 4,
            "optimizer.learning_rate": 0.02, "ema.decay": 0, "eval.members": 2, "eval.steps": 2, "eval.every": 1000,
            "checkpoint.every": 1000, "guard.ratio_tolerance": 0}
    if (kind, algorithm) == ("flux", "drift"):
        sets["lora.targets"] = json.dumps(ATTENTION)
    gamut(program, "train", f"recipes/{kind}/{algorithm}.toml", "--run", run,
          *[word for key, value in sets.items() for word in ("--set", f"{key}={value}")])
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    expect(len(rows) == 5 and all(row["ratio_max_deviation"] == 0 for row in rows), "the ratio left 1")


def by_gamut(program, model, adapter, init, folder, guidance):
    save_file({"latents": init}, folder / "init.safetensors")
    gamut(program, "sample", "--model", model, "--lora", adapter, *[w for p in PROMPTS for w in ("--prompt", p)], "-n", 1,
          "--steps", STEPS, "--guidance", guidance, "--height", HEIGHT, "--width", WIDTH, "--init-latents",
          folder / "init.safetensors", "--save-latents", folder / "out.safetensors")
    return load_file(folder / "out.safetensors")["latents"]


def by_diffusers(pipe, init, guidance):
    flux = isinstance(pipe, FluxPipeline)
    count, rows, columns = len(PROMPTS), HEIGHT // 2, WIDTH // 2
    start = FluxPipeline._pack_latents(init, count, 16, rows, columns) if flux else init.clone()
    latents = pipe(PROMPTS, latents=start, height=HEIGHT, width=WIDTH, num_inference_steps=STEPS, guidance_scale=guidance,
                   output_type="latent").images
    return FluxPipeline._unpack_latents(latents, HEIGHT, WIDTH, 2) if flux else latents


def expect_same(name, ours, theirs):
    apart = (ours - theirs).abs().max().item()
    expect(apart <= 1e-4 * max(1.0, theirs.abs().max().item()), name, "latents differ by", apart)
    return apart


def check(program, kind, model, algorithm, folder):
    run = folder / f"{kind}_{algorithm}"
    train(program, kind, model, algorithm, run)
    guidance = 4.5 if kind == "sd35" else 3.5
    init = torch.randn(len(PROMPTS), 16, HEIGHT // 2, WIDTH // 2, generator=torch.Generator().manual_seed(3))
    ours = by_gamut(program, model, run / "model", init, folder, guidance)
    pipe = (StableDiffusion3Pipeline if kind == "sd35" else FluxPipeline).from_pretrained(ROOT / model)
    pipe.set_progress_bar_config(disable=True)
    base = by_diffusers(pipe, init, guidance)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pipe.load_lora_weights(run / "model")
    told = [str(w.message) for w in caught if "unexpected" in str(w.message) or "missing" in str(w.message)]
    expect(not told, "diffusers warns:", told)
    theirs = by_diffusers(pipe, init, guidance)
    moved = (theirs - base).abs().max().item()
    expect(moved > 1e-2, "the adapter changes nothing:", moved)
    apart = expect_same(f"{kind} {algorithm}", ours, theirs)
    if (kind, algorithm) == ("flux", "drift"):
        pipe.unload_lora_weights()
        gamut(program, "convert", "lora", run / "model", folder / "kohya.safetensors", "--to", "kohya")
        pipe.load_lora_weights(folder, weight_name="kohya.safetensors")
        expect_same("kohya's form", ours, by_diffusers(pipe, init, guidance))
    print(f"{kind} {algorithm}: the adapter moves latents by up to {moved:.3f}; diffusers and gamut differ by {apart:.1e}",
          flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(ROOT / "build/gamut"))
    program = str(pathlib.Path(parser.parse_args().program).resolve())
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    with tempfile.TemporaryDirectory() as temporary:
        for kind, model in (("sd35", "models/sd3-tiny"), ("flux", "models/flux-tiny")):
            for algorithm in ("diverse_grpo", "drift"):
                check(program, kind, model, algorithm, pathlib.Path(temporary))


if __name__ == "__main__":
    main()
