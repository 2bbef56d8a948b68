# SPDX-License-Identifier: Apache-2.0
"""DiverseGRPO's bonus and DRIFT's potential inside a GRPO loop of one's own, in plain PyTorch, by gamut.credit.

A toy stands in for the image model: a flow on points in the plane whose data are eight spots on a circle. The reward likes the right
half a little better, so plain GRPO moves all mass to one side; with the methods' shaping the spots on that side stay apart.

    python examples/python/flow_grpo_bonus.py [plain | bonus | potential] [--iterations 40]
"""
import argparse
import math

import torch

import gamut

STEPS, GROUP, PROMPTS, NOISE, CLIP = 8, 16, 8, 0.7, 0.2


class Velocity(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.net = torch.nn.Sequential(torch.nn.Linear(3, 64), torch.nn.SiLU(), torch.nn.Linear(64, 64), torch.nn.SiLU(),
                                       torch.nn.Linear(64, 2))

    def forward(self, x, sigma):
        return self.net(torch.cat([x, torch.full_like(x[:, :1], sigma)], 1))


def data(count, generator):
    spot = torch.randint(8, (count,), generator=generator) * (2 * math.pi / 8)
    return torch.stack([spot.cos(), spot.sin()], 1) + 0.05 * torch.randn(count, 2, generator=generator)


def pretrain(model, generator, updates=1500):
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    for _ in range(updates):
        clean, noise = data(256, generator), torch.randn(256, 2, generator=generator)
        sigma = torch.rand(256, 1, generator=generator)
        noisy = (1 - sigma) * clean + sigma * noise
        predicted = model.net(torch.cat([noisy, sigma], 1))
        optimizer.zero_grad()
        (predicted - (noise - clean)).square().mean().backward()
        optimizer.step()


def step_mean(model, x, sigma, next_sigma):
    """Flow-SDE (arXiv 2505.05470): mean and standard deviation of one step."""
    dt, level = next_sigma - sigma, NOISE * math.sqrt(sigma / max(1 - sigma, 1 / STEPS))
    velocity = model(x, sigma)
    drift = velocity + level**2 / (2 * sigma) * (x + (1 - sigma) * velocity)
    return x + drift * dt, level * math.sqrt(-dt)


def log_prob(value, mean, std):
    return (-(value - mean).square() / (2 * std**2)).mean(1)


@torch.no_grad()
def roll_out(model, count, generator):
    x, path = torch.randn(count, 2, generator=generator), []
    for i in range(STEPS):
        sigma, next_sigma = 1 - i / STEPS, 1 - (i + 1) / STEPS
        mean, std = step_mean(model, x, sigma, next_sigma)
        following = mean + std * torch.randn(count, 2, generator=generator) if i + 1 < STEPS else mean
        path.append((sigma, next_sigma, x, following, log_prob(following, mean, std)))
        x = following
    return x, path[:-1]  # the last step is drawn without noise


def reward(points):
    return torch.exp(-(points.norm(dim=1) - 1).square() / 0.02) * (1 + 0.2 * points[:, 0].sign())


def shaped(rewards, points, method):
    """One group's rewards as the method makes them: the line that a trainer has to add."""
    directions = torch.nn.functional.normalize(points, dim=1)
    if method == "bonus":
        bonus = gamut.credit.cluster_bonus(features=directions, gate="above_mean")
        return (rewards + 0.3 * torch.tensor(bonus)).tolist()
    if method == "potential":
        return gamut.credit.pairwise_potential(rewards, features=directions, weight=1.0, gate="above_mean")
    return rewards.tolist()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("method", nargs="?", default="bonus", choices=("plain", "bonus", "potential"))
    arguments.add_argument("--iterations", type=int, default=40)
    flags = arguments.parse_args()
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    model = Velocity()
    pretrain(model, generator)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-4)
    for iteration in range(flags.iterations + 1):
        points, path = roll_out(model, PROMPTS * GROUP, generator)
        rewards, groups = reward(points), points.view(PROMPTS, GROUP, 2)
        spots = torch.atan2(points[:, 1], points[:, 0]).div(2 * math.pi / 8).round().remainder(8).long().tolist()
        if iteration % 10 == 0:
            alike = gamut.diversity.pairwise(torch.nn.functional.normalize(points, dim=1))
            print(f"iteration {iteration:3d}  reward {rewards.mean():.3f}  spots {len(set(spots))}  distance {alike:.3f}")
        credit = gamut.credit.advantages([shaped(r, p, flags.method) for r, p in zip(rewards.view(PROMPTS, GROUP), groups)])
        advantage = torch.tensor(credit, dtype=torch.float32).flatten()
        for sigma, next_sigma, x, following, old in path:
            mean, std = step_mean(model, x, sigma, next_sigma)
            ratio = (log_prob(following, mean, std) - old).exp()
            loss = torch.maximum(-advantage * ratio, -advantage * ratio.clamp(1 - CLIP, 1 + CLIP)).mean() / len(path)
            loss.backward()
        optimizer.step()
        optimizer.zero_grad()


if __name__ == "__main__":
    main()
