# SPDX-License-Identifier: Apache-2.0
"""One iteration of gamut against the same loop in PyTorch: diffusers' U-Net, channels last, fp32, the same maths.

    pip install torch==2.13.0 diffusers==0.42.0 'transformers>=5,<6' numpy      # in a virtual environment
    python bench/compare_pytorch.py [--threads 2] [--compile]                   # from the project's folder, after make build
    bench/on_paths.sh python bench/compare_pytorch.py                           # per CPU path, PyTorch held to it too

The two run in turn, so that a drifting machine hits both; medians and their ratio are printed. Scoring is left out of
the PyTorch loop and of the total: rewards are random numbers there, and the same libraries elsewhere.
"""
import argparse
import json
import math
import os
import statistics
import subprocess
import tempfile
import time

import torch
from diffusers import UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

MODEL, STEPS, TRAINED, NOISE, ANCHOR, POOL = "models/glyphs", 10, 4, 0.7, 0.5, 8
DRAWS, MATCHING_ANCHOR, POWER = 6, 4.0, 0.25  # of Matching
# What metrics.jsonl has of each phase.
PHASES = {"rollout": ["seconds_rollout"], "update": ["seconds_reference", "seconds_update"]}
# Prompts x members drawn at once, batches of that drawn, batches trained, whether the base's prediction is an anchor.
RECIPES = {"flow_grpo": (4, 16, 1, 1, False), "gamut_gradient": (8, 6, 2, 1, True), "gamut": (4, 8, 2, 1, True)}


class Loop:
    def __init__(self, recipe, compiled):
        self.prompts, self.members, self.drawn, self.trained, anchored = RECIPES[recipe]
        self.unet = self.network(compiled)
        self.base = self.network(compiled).requires_grad_(False) if anchored else None
        encoder = CLIPTextModel.from_pretrained(MODEL, subfolder="text_encoder")
        tokenizer = CLIPTokenizer.from_pretrained(MODEL, subfolder="tokenizer")
        texts = [f"the letter {letter}" for letter in "ABCDEFGH"[:self.prompts]]
        ids = tokenizer(texts, padding="max_length", max_length=16, truncation=True, return_tensors="pt").input_ids
        with torch.no_grad():
            self.cond = encoder(ids).last_hidden_state.repeat(self.members, 1, 1)
        self.optimizer = torch.optim.AdamW(self.unet.parameters(), lr=1e-4, weight_decay=1e-4)
        self.sigmas = [1 - i / STEPS for i in range(STEPS)] + [0.0]

    @staticmethod
    def network(compiled):
        unet = UNet2DConditionModel.from_pretrained(MODEL, subfolder="unet").to(memory_format=torch.channels_last)
        return torch.compile(unet) if compiled else unet

    def velocity(self, unet, x, time):
        return unet(x, time, encoder_hidden_states=self.cond).sample

    def step(self, unet, x, i):
        sigma, nxt = self.sigmas[i], self.sigmas[i + 1]
        dt = nxt - sigma
        v = self.velocity(unet, x, torch.tensor(1000 * sigma))
        tau = NOISE * math.sqrt(sigma / (1 - (self.sigmas[1] if sigma == 1 else sigma)))
        mean = x * (1 + tau**2 / (2 * sigma) * dt) + v * (1 + tau**2 * (1 - sigma) / (2 * sigma)) * dt
        return mean, tau * math.sqrt(-dt)

    @staticmethod
    def log_prob(nxt, mean, std):
        value = -((nxt - mean) ** 2) / (2 * std**2) - math.log(std) - 0.5 * math.log(2 * math.pi)
        return value.mean(dim=(1, 2, 3))

    def roll_out(self):
        x = torch.randn(self.prompts * self.members, 12, 16, 16).to(memory_format=torch.channels_last)
        stored = []
        with torch.no_grad():
            for i in range(STEPS):
                mean, std = self.step(self.unet, x, i)
                nxt = mean + std * torch.randn_like(mean)
                stored.append((x, nxt, self.log_prob(nxt, mean, std)))
                x = nxt
        return stored

    def train(self, stored, advantages, steps):
        for i in steps:
            x, nxt, old = stored[i]
            mean, std = self.step(self.unet, x, i)
            ratio = torch.exp(self.log_prob(nxt, mean, std) - old)
            clipped = ratio.clamp(1 - 1e-4, 1 + 1e-4)
            loss = torch.maximum(-advantages * ratio, -advantages * clipped).mean() / TRAINED
            if self.base is not None:
                with torch.no_grad():
                    reference, _ = self.step(self.base, x, i)
                pooled = torch.nn.functional.avg_pool2d(mean - reference, POOL)
                loss = loss + ANCHOR * (pooled**2).mean() / TRAINED
            loss.backward()

    def iterate(self):
        start = time.perf_counter()
        drawn = [self.roll_out() for _ in range(self.drawn)]
        advantages = torch.randn(self.prompts * self.members).clamp(-5, 5)
        rolled = time.perf_counter()
        steps = torch.randperm(7)[:TRAINED].tolist()
        for stored in drawn[:self.trained]:
            self.train(stored, advantages, steps)
        torch.nn.utils.clip_grad_norm_(self.unet.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return {"rollout": rolled - start, "update": time.perf_counter() - rolled}


class Matching(Loop):
    """AWM's objective: the ODE draws, and each finished picture trains at DRAWS times with noise anew."""

    def roll_out(self):
        x = torch.randn(self.prompts * self.members, 12, 16, 16).to(memory_format=torch.channels_last)
        with torch.no_grad():
            for now, then in zip(self.sigmas, self.sigmas[1:]):
                x = x + self.velocity(self.unet, x, torch.tensor(1000 * now)) * (then - now)
        return x

    def train(self, clean, advantages, steps):
        for _ in range(DRAWS):
            t = torch.sigmoid(torch.randn(len(clean)))
            column, noise = t.view(-1, 1, 1, 1), torch.randn_like(clean)
            x = (1 - column) * clean + column * noise
            v = self.velocity(self.unet, x, 1000 * t)
            error = ((v - (noise - clean)) ** 2).mean(dim=(1, 2, 3))
            log_prob = -t * ((error + 1e-10) ** POWER - 1e-10**POWER) / POWER
            ratio = torch.exp(log_prob - log_prob.detach())
            loss = torch.maximum(-advantages * ratio, -advantages * ratio.clamp(1 - 1e-5, 1 + 1e-5)).mean()
            with torch.no_grad():
                reference = self.velocity(self.base, x, 1000 * t)
            pooled = torch.nn.functional.avg_pool2d(column * (v - reference), POOL)
            ((loss + MATCHING_ANCHOR * (pooled**2).mean()) / DRAWS).backward()


def gamut_iterations(recipe, count, threads):
    with tempfile.TemporaryDirectory() as folder:
        run = os.path.join(folder, "run")
        subprocess.run(
            ["build/gamut", "--quiet", "train", f"recipes/glyphs/{recipe}.toml", "--run", run,
             "--set", f"iterations={count + 1}", "--set", "eval.members=2", "--set", "eval.steps=1",
             "--set", "eval.every=1000", "--set", "checkpoint.every=1000", "--set", "rollout.base_samples=2"],
            check=True, stdout=subprocess.DEVNULL, env=dict(os.environ, OMP_NUM_THREADS=str(threads)))
        with open(os.path.join(run, "metrics.jsonl"), encoding="utf-8") as rows:
            parsed = [json.loads(row) for row in rows][1:]  # the first iteration warms up
    return [{phase: sum(row[key] for key in keys) for phase, keys in PHASES.items()} for row in parsed]


def compare(recipe, options):
    torch.manual_seed(1)
    loop = (Matching if recipe == "gamut" else Loop)(recipe, options.compile)
    for _ in range(2):
        loop.iterate()
    ours, theirs = [], []
    for _ in range(options.rounds):
        theirs += [loop.iterate() for _ in range(options.iterations)]
        ours += gamut_iterations(recipe, options.iterations, options.threads)
    print(f"{recipe}: seconds per iteration, median of {len(ours)}, threads {options.threads}, PyTorch "
          f"{torch.__version__} at {torch.backends.cpu.get_cpu_capability()}{', compiled' if options.compile else ''}")
    print(f"{'':10}{'PyTorch':>10}{'gamut':>10}{'ratio':>8}")
    for name, phases in [(phase, [phase]) for phase in PHASES] + [("total", PHASES)]:
        a, b = (statistics.median(sum(row[phase] for phase in phases) for row in rows) for rows in (theirs, ours))
        print(f"{name:10}{a:10.3f}{b:10.3f}{a / b:8.2f}", flush=True)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--recipes", nargs="+", default=list(RECIPES), choices=list(RECIPES))
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--iterations", type=int, default=4)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--compile", action="store_true", help="torch.compile the U-Net")
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    for recipe in options.recipes:
        compare(recipe, options)


if __name__ == "__main__":
    main()
