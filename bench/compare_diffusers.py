#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The transformer of a Stable Diffusion 3.5 or FLUX.1 folder in gamut and in diffusers + peft, in one run and in turn.

    scripts/make_random_sd35.py sd35 --small                       # or full-size, or a published folder
    cmake --build build --target bench_transformer
    python bench/compare_diffusers.py sd35 [--device cuda --dtype bf16 --size 512 --batch 16 --tokens 205]

Three parts: a forward pass; one with its way back to a LoRA of rank 32 on flow_grpo's targets; an iteration of `--batch`
pictures: `--steps` steps drawn, as many trained, gradients added up. Rounds take turns, so that a drifting machine hits both;
medians, samples per second and their ratio are printed. diffusers runs eagerly, with LibTorch's own attention on both sides.
Needs torch, diffusers, peft.
"""
import argparse
import json
import os
import statistics
import subprocess
import time

import peft
import torch
from diffusers import FluxPipeline, FluxTransformer2DModel, SD3Transformer2DModel

TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
ATTENTION = [f"attn.{name}" for name in ("add_k_proj", "add_q_proj", "add_v_proj", "to_add_out", "to_k", "to_out.0", "to_q",
                                         "to_v")]
FEED_FORWARD = ["ff.net.0.proj", "ff.net.2", "ff_context.net.0.proj", "ff_context.net.2"]
PARTS = ("forward", "forward_backward", "iteration")


class Subject:
    def __init__(self, options):
        self.options, self.type = options, TYPES[options.dtype]
        with open(os.path.join(options.folder, "transformer", "config.json"), encoding="utf-8") as file:
            self.flux = json.load(file)["_class_name"] == "FluxTransformer2DModel"
        cls = FluxTransformer2DModel if self.flux else SD3Transformer2DModel
        self.net = cls.from_pretrained(options.folder, subfolder="transformer", torch_dtype=self.type).to(options.device)
        self.net.requires_grad_(False)
        self.net.add_adapter(peft.LoraConfig(r=options.rank, lora_alpha=2 * options.rank, init_lora_weights="gaussian",
                                             target_modules=ATTENTION + (FEED_FORWARD if self.flux else [])))
        for parameter in self.net.parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.float()
        self.inputs = self.make_inputs()

    def randn(self, *shape):
        return torch.randn(*shape, device=self.options.device, dtype=self.type)

    def make_inputs(self):
        batch, config = self.options.batch, self.net.config
        side = self.options.size // 16
        inputs = {"encoder_hidden_states": self.randn(batch, self.options.tokens, config.joint_attention_dim),
                  "pooled_projections": self.randn(batch, config.pooled_projection_dim),
                  "timestep": torch.full((batch,), 0.5 if self.flux else 500.0, device=self.options.device)}
        if self.flux:
            inputs["img_ids"] = FluxPipeline._prepare_latent_image_ids(batch, side, side, self.options.device, self.type)
            inputs["txt_ids"] = torch.zeros(self.options.tokens, 3, device=self.options.device, dtype=self.type)
            if config.guidance_embeds:
                inputs["guidance"] = torch.full((batch,), 3.5, device=self.options.device)
        return inputs

    def start(self):
        side = self.options.size // 8
        if self.flux:
            return self.randn(self.options.batch, side * side // 4, 64)
        return self.randn(self.options.batch, 16, side, side)

    def __call__(self, x):
        return self.net(hidden_states=x, **self.inputs).sample

    def forward(self):
        with torch.no_grad():
            self(self.start()).sum().item()

    def forward_backward(self):
        loss = self(self.start()).float().square().mean()
        loss.backward()
        loss.item()
        self.net.zero_grad()

    def iteration(self):
        steps, drawn = self.options.steps, [self.start()]
        with torch.no_grad():
            for _ in range(steps):
                drawn.append(drawn[-1] - self(drawn[-1]) / steps)
        for x in drawn[:steps]:
            (self(x).float().square().mean() / steps).backward()
        drawn[-1].sum().item()
        self.net.zero_grad()

    def seconds(self):
        times = {}
        for part in PARTS:
            run = getattr(self, part)
            run()
            times[part] = []
            for _ in range(self.options.runs):
                start = time.perf_counter()
                run()
                times[part].append(time.perf_counter() - start)
        return times


def gamut_seconds(options):
    command = [options.program, options.folder]
    for name in ("dtype", "device", "size", "batch", "tokens", "rank", "steps", "runs"):
        command += [f"--{name}", str(getattr(options, name))]
    environment = dict(os.environ, OMP_NUM_THREADS=str(options.threads))
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--program", default="build/bench_transformer")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", choices=TYPES, default="fp32")
    for name, otherwise in (("size", 128), ("batch", 16), ("tokens", 205), ("rank", 32), ("steps", 10), ("runs", 3),
                            ("rounds", 2), ("threads", 2)):
        parser.add_argument(f"--{name}", type=int, default=otherwise)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    ours, theirs = ({part: [] for part in PARTS} for _ in range(2))
    for _ in range(options.rounds):
        subject = Subject(options)
        for part, seconds in subject.seconds().items():
            theirs[part] += seconds
        del subject  # the other side gets the device's memory
        if options.device == "cuda":
            torch.cuda.empty_cache()
        for part, seconds in gamut_seconds(options).items():
            ours[part] += seconds
    print(f"{options.folder}: {options.size}², batch {options.batch}, {options.tokens} tokens of text, {options.dtype} on "
          f"{torch.cuda.get_device_name() if options.device == 'cuda' else f'{options.threads} CPU threads'}, PyTorch "
          f"{torch.__version__}; seconds, median of {options.rounds * options.runs}")
    print(f"{'':18}{'diffusers':>11}{'gamut':>11}{'ratio':>8}{'gamut, pictures/s':>20}")
    for part in PARTS:
        a, b = statistics.median(theirs[part]), statistics.median(ours[part])
        print(f"{part:18}{a:11.4f}{b:11.4f}{a / b:8.2f}{options.batch / b:20.2f}")


if __name__ == "__main__":
    main()
