# SPDX-License-Identifier: Apache-2.0
"""One iteration of gamut against the same loop in PyTorch: diffusers' U-Net, the same Tesseract, fp32, the same maths.

    pip install torch==2.13.0 diffusers==0.42.0 'transformers>=5,<6' numpy      # in a virtual environment
    python bench/compare_pytorch.py [--rounds 3] [--threads 2]                  # from the project's folder, after make build

The two run in turn, so that a drifting machine hits both; the medians and their ratio are printed.
"""
import argparse
import ctypes
import ctypes.util
import json
import math
import os
import statistics
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

MODEL, STEPS, TRAINED, PROMPTS, MEMBERS, NOISE = "models/glyphs", 10, 4, 4, 16, 0.7


class Tesseract:
    """libtesseract through its C interface, one engine per thread, each on one OpenMP thread."""

    def __init__(self, threads):
        self.lib = ctypes.CDLL(ctypes.util.find_library("tesseract"))
        self.lib.TessBaseAPICreate.restype = ctypes.c_void_p
        self.lib.TessBaseAPIGetUTF8Text.restype = ctypes.c_void_p
        self.lib.TessBaseAPIGetUTF8Text.argtypes = [ctypes.c_void_p]
        self.lib.TessBaseAPIInit3.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p]
        self.lib.TessBaseAPISetPageSegMode.argtypes = [ctypes.c_void_p, ctypes.c_int]
        self.lib.TessBaseAPISetVariable.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p]
        self.lib.TessBaseAPISetImage.argtypes = [ctypes.c_void_p, ctypes.c_char_p] + [ctypes.c_int] * 4
        self.lib.TessDeleteText.argtypes = [ctypes.c_void_p]
        self.openmp = ctypes.CDLL(ctypes.util.find_library("gomp"))
        self.pool = ThreadPoolExecutor(threads)
        self.engines = [self.engine() for _ in range(threads)]

    def engine(self):
        handle = ctypes.c_void_p(self.lib.TessBaseAPICreate())
        assert self.lib.TessBaseAPIInit3(handle, None, b"eng") == 0
        self.lib.TessBaseAPISetPageSegMode(handle, 7)
        self.lib.TessBaseAPISetVariable(handle, b"debug_file", b"/dev/null")
        return handle

    def read(self, engine, pictures):
        self.openmp.omp_set_num_threads(1)
        texts = []
        for picture in pictures:
            height, width, _ = picture.shape
            self.lib.TessBaseAPISetImage(engine, picture.tobytes(), width, height, 3, 3 * width)
            text = self.lib.TessBaseAPIGetUTF8Text(engine)
            texts.append(ctypes.string_at(text).decode("utf-8", "replace").strip().lower())
            self.lib.TessDeleteText(text)
        return texts

    def __call__(self, pictures):
        parts = np.array_split(pictures, len(self.engines))
        return [text for part in self.pool.map(self.read, self.engines, parts) for text in part]


class Loop:
    def __init__(self, threads):
        self.unet = UNet2DConditionModel.from_pretrained(MODEL, subfolder="unet")
        encoder = CLIPTextModel.from_pretrained(MODEL, subfolder="text_encoder")
        tokenizer = CLIPTokenizer.from_pretrained(MODEL, subfolder="tokenizer")
        self.targets = list("7K3R")
        prompts = ["the digit 7", "the letter K", "the digit 3", "the letter R"]
        ids = tokenizer(prompts, padding="max_length", max_length=16, truncation=True, return_tensors="pt").input_ids
        with torch.no_grad():
            self.cond = encoder(ids).last_hidden_state.repeat(MEMBERS, 1, 1)
        self.optimizer = torch.optim.AdamW(self.unet.parameters(), lr=1e-4, weight_decay=1e-4)
        self.reader = Tesseract(threads)
        self.sigmas = [1 - i / STEPS for i in range(STEPS)] + [0.0]

    def step(self, x, i):
        sigma, nxt = self.sigmas[i], self.sigmas[i + 1]
        dt = nxt - sigma
        v = self.unet(x, torch.tensor(1000 * sigma), encoder_hidden_states=self.cond).sample
        tau = NOISE * math.sqrt(sigma / (1 - (self.sigmas[1] if sigma == 1 else sigma)))
        mean = x * (1 + tau**2 / (2 * sigma) * dt) + v * (1 + tau**2 * (1 - sigma) / (2 * sigma)) * dt
        return mean, tau * math.sqrt(-dt), x - sigma * v

    @staticmethod
    def log_prob(nxt, mean, std):
        value = -((nxt - mean) ** 2) / (2 * std**2) - math.log(std) - 0.5 * math.log(2 * math.pi)
        return value.mean(dim=(1, 2, 3))

    def iterate(self):
        start = time.perf_counter()
        x = torch.randn(PROMPTS * MEMBERS, 12, 16, 16)
        stored = []
        with torch.no_grad():
            for i in range(STEPS):
                mean, std, clean = self.step(x, i)
                nxt = mean + std * torch.randn_like(mean)
                stored.append((x, nxt, self.log_prob(nxt, mean, std)))
                x = nxt
        pictures = (torch.nn.functional.pixel_shuffle(clean, 2).clamp(-1, 1) + 1) * 127.5
        rolled = time.perf_counter()
        texts = self.reader(pictures.round().byte().permute(0, 2, 3, 1).numpy())
        rewards = torch.tensor([float(self.targets[k % PROMPTS].lower() in text) for k, text in enumerate(texts)])
        groups = rewards.view(MEMBERS, PROMPTS)
        advantages = ((groups - groups.mean(0)) / (rewards.std(correction=0) + 1e-4)).view(-1).clamp(-5, 5)
        scored = time.perf_counter()
        for i in torch.randperm(7)[:TRAINED].tolist():
            x, nxt, old = stored[i]
            mean, std, _ = self.step(x, i)
            ratio = torch.exp(self.log_prob(nxt, mean, std) - old)
            clipped = ratio.clamp(1 - 1e-4, 1 + 1e-4)
            (torch.maximum(-advantages * ratio, -advantages * clipped).mean() / TRAINED).backward()
        torch.nn.utils.clip_grad_norm_(self.unet.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        done = time.perf_counter()
        return {"rollout": rolled - start, "reward": scored - rolled, "update": done - scored, "total": done - start}


def gamut_iterations(count, threads):
    with tempfile.TemporaryDirectory() as folder:
        run = os.path.join(folder, "run")
        subprocess.run(
            ["build/gamut", "--quiet", "train", "recipes/glyphs/flow_grpo.toml", "--run", run, "--set", "reward.kind=ocr",
             "--set", f"iterations={count + 1}", "--set", "eval.members=2", "--set", "eval.steps=1",
             "--set", "eval.every=1000", "--set", "checkpoint.every=1000"],
            check=True, stdout=subprocess.DEVNULL, env=dict(os.environ, OMP_NUM_THREADS=str(threads)))
        with open(os.path.join(run, "metrics.jsonl"), encoding="utf-8") as rows:
            parsed = [json.loads(row) for row in rows][1:]  # the first iteration warms up
    return [{key: row["seconds_" + key] for key in ("rollout", "reward", "update", "total")} for row in parsed]


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--iterations", type=int, default=4)
    arguments.add_argument("--threads", type=int, default=2)
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    loop = Loop(options.threads)
    loop.iterate()
    ours, theirs = [], []
    for _ in range(options.rounds):
        theirs += [loop.iterate() for _ in range(options.iterations)]
        ours += gamut_iterations(options.iterations, options.threads)
    print(f"seconds per iteration, median of {len(ours)}, {options.threads} threads\n{'':10}{'PyTorch':>10}{'gamut':>10}{'ratio':>8}")
    for key in ("rollout", "reward", "update", "total"):
        a, b = (statistics.median(row[key] for row in rows) for rows in (theirs, ours))
        print(f"{key:10}{a:10.3f}{b:10.3f}{a / b:8.2f}")


if __name__ == "__main__":
    main()
