# SPDX-License-Identifier: Apache-2.0
"""Golden fixture of the optimizer: torch.optim.AdamW with clip_grad_norm_ over ten steps.

    python tests/generators/adamw.py            # needs torch, safetensors

Writes tests/train/fixtures/adamw.safetensors: start.NAME, grad.STEP.NAME, norm.STEP (before clipping) and, after steps
1 and 10, weight.STEP.NAME, exp_avg.STEP.NAME, exp_avg_sq.STEP.NAME. Settings are the constants below. The gradients
shrink over the steps, so that some are clipped and some are not; "idle" has no gradient in even steps.

Made with torch 2.13, fp32, one thread.
"""

import pathlib

import torch
from safetensors.torch import save_file

FOLDER = pathlib.Path(__file__).parent.parent / "train" / "fixtures"
SHAPES = {"matrix": (7, 5), "kernel": (4, 3, 3, 3), "idle": (6,)}
RATE, BETAS, EPS, DECAY, MAX_NORM = 2e-3, (0.9, 0.95), 1e-6, 0.05, 1.0


def main():
    generator = torch.Generator().manual_seed(23)
    params = {name: torch.randn(shape, generator=generator) for name, shape in SHAPES.items()}
    tensors = {f"start.{name}": value.clone() for name, value in params.items()}
    optimizer = torch.optim.AdamW(params.values(), lr=RATE, betas=BETAS, eps=EPS, weight_decay=DECAY)
    for step in range(1, 11):
        for name, value in params.items():
            grad = torch.randn(value.shape, generator=generator) * 0.7**step
            # gamut counts a missing gradient as zero; torch would skip the parameter.
            value.grad = torch.zeros_like(value) if name == "idle" and step % 2 == 0 else grad
            tensors[f"grad.{step}.{name}"] = value.grad.clone()
        norm = torch.nn.utils.clip_grad_norm_(params.values(), MAX_NORM)
        tensors[f"norm.{step}"] = norm.reshape(1)
        optimizer.step()
        if step in (1, 10):
            for name, value in params.items():
                tensors[f"weight.{step}.{name}"] = value.clone()
                tensors[f"exp_avg.{step}.{name}"] = optimizer.state[value]["exp_avg"].clone()
                tensors[f"exp_avg_sq.{step}.{name}"] = optimizer.state[value]["exp_avg_sq"].clone()
    FOLDER.mkdir(parents=True, exist_ok=True)
    save_file(tensors, FOLDER / "adamw.safetensors")
    print([round(tensors[f"norm.{s}"].item(), 3) for s in range(1, 11)])


if __name__ == "__main__":
    main()
