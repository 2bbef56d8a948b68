# SPDX-License-Identifier: Apache-2.0
"""Golden fixture of whole chains from rewards to advantages, one per method, in NumPy, double precision.

    python tests/generators/credit.py            # needs numpy

Writes tests/algorithms/fixtures/credit.json: iterations of prompt groups (rewards, features, cluster labels) and, per
method, its recipe and what each member gets. Each method is written down by itself, from its public code
(flow_grpo's and ddpo-pytorch's stat_tracking.py, DanceGRPO's train_grpo_flux.py, GARDO's
train_sd3_grpo_gardo.py) or its paper (DiverseGRPO, arXiv 2512.21514; DRIFT, arXiv 2601.12401): nothing is shared but
the features' distances.
"""

import itertools
import json
import pathlib
from collections import deque

import numpy as np

FOLDER = pathlib.Path(__file__).parent.parent / "algorithms" / "fixtures"


def draw_iterations(rng):
    iterations = []
    for _ in range(2):
        groups = []
        for prompt, count in (("a cat", 9), ("a dog", 6), ("a cat", 8)):
            rewards = rng.uniform(0, 1, count) if prompt == "a cat" else rng.normal(2, 0.5, count)
            groups.append({"prompt": prompt, "rewards": rewards.round(4).tolist(),
                           "features": rng.normal(0, 1, (count, 4)).round(3).tolist(),
                           "clusters": rng.choice(3, count, p=[0.6, 0.3, 0.1]).tolist()})
        iterations.append(groups)
    return iterations


def cosine_distances(features):
    unit = np.array(features) / np.linalg.norm(features, axis=1, keepdims=True)
    return 1 - np.clip(unit @ unit.T, -1, 1)


def clip(values):
    return np.clip(values, -5, 5)


def plain(groups, formula):
    """`formula` maps a group's rewards to advantages; everything is kept."""
    return [{"kept": list(range(len(g["rewards"]))), "bonus": [0.0] * len(g["rewards"]), "shaped": g["rewards"],
             "advantages": clip(formula(np.array(g["rewards"]))).tolist()} for g in groups]


def flow_grpo(groups):
    std = np.std(np.concatenate([g["rewards"] for g in groups])) + 1e-4
    return plain(groups, lambda r: (r - r.mean()) / std)


def dance_grpo(groups):
    return plain(groups, lambda r: (r - r.mean()) / (r.std(ddof=1) + 1e-8))


def make_ddpo(buffer):
    newest = {}

    def ddpo(groups):
        rewards = np.concatenate([g["rewards"] for g in groups])
        prompts = np.array(sum(([g["prompt"]] * len(g["rewards"]) for g in groups), []))
        advantages = np.empty_like(rewards)
        for prompt in np.unique(prompts):
            of_prompt = rewards[prompts == prompt]
            newest.setdefault(prompt, deque(maxlen=buffer)).extend(of_prompt)
            source = np.array(newest[prompt]) if len(newest[prompt]) >= buffer else rewards
            advantages[prompts == prompt] = (of_prompt - source.mean()) / (source.std() + 1e-6)
        out = plain(groups, lambda r: r)
        for row in out:
            count = len(row["advantages"])
            row["advantages"], advantages = clip(advantages[:count]).tolist(), advantages[count:]
        return out
    return ddpo


def gardo(groups):
    out = plain(groups, lambda r: r)
    for group, row in zip(groups, out):
        rewards, far = np.array(group["rewards"]), cosine_distances(group["features"])
        np.fill_diagonal(far, np.inf)
        nearest = far.min(axis=1)
        weights = np.where(rewards >= rewards.mean(), nearest / nearest.mean(), 1.0)
        row["advantages"] = clip((rewards - rewards.mean()) * weights).tolist()
        row["diversity"] = nearest.tolist()
    return out


def z(values):
    return (values - values.mean()) / values.std()


def diverse_grpo(groups, beta, scale=1.0, combine="raw", gate=False):
    out = []
    for group in groups:
        quality, labels = np.array(group["rewards"]), np.array(group["clusters"])
        rare = np.sqrt(len(labels) / np.bincount(labels)[labels])
        if gate:
            rare = rare * (quality >= quality.mean())
        shaped = z(quality) + beta * z(rare) if combine == "zscore" else quality * scale + beta * rare
        advantages = (shaped - shaped.mean()) / (shaped.std(ddof=1) + 1e-8)
        out.append({"kept": list(range(len(labels))), "bonus": rare.tolist(), "shaped": shaped.tolist(),
                    "advantages": clip(advantages).tolist()})
    return out


def least_variance(rewards, keep):
    return list(min(itertools.combinations(range(len(rewards)), keep), key=lambda m: np.var(np.array(rewards)[list(m)])))


def drift(groups, keep, weight, source, d_max=0.65):
    out = []
    for group in groups:
        everything = np.array(group["rewards"])
        kept = least_variance(everything, keep)
        rewards = everything[kept]
        far = cosine_distances(np.array(group["features"])[kept])
        mean_far = far.sum(axis=1) / (keep - 1)
        potential = (mean_far - mean_far.min()) / (mean_far.max() - mean_far.min())
        potential = np.clip(potential, 0, d_max) * (rewards >= rewards.mean())
        center, width = (everything.mean(), max(everything.std(), 1e-4)) if source == "candidates" else (
            rewards.mean(), max(rewards.std(), 1e-8))
        shaped = (rewards - center) / width + weight * potential
        advantages = shaped - shaped.mean()
        if source == "kept":
            advantages = advantages / (shaped.std() + 1e-4)
        row = {"kept": kept}
        for name, values, absent in (("bonus", potential, None), ("shaped", shaped, None), ("diversity", mean_far, None),
                                     ("advantages", clip(advantages), 0.0)):
            row[name] = [float(values[kept.index(j)]) if j in kept else absent for j in range(len(everything))]
        out.append(row)
    return out


GROUP_1 = '[advantage]\nkind = "group"\nstd_ddof = 1\nstd_eps = 1e-8\n'
CLUSTERS = '[shaping]\nkind = "cluster_bonus"\n'
DRIFT = ('[subset]\nkind = "min_variance"\nkeep = 4\nstd_floor = 0.0\n[shaping]\nkind = "pairwise_potential"\n'
         'weight = %s\ngate = "above_mean"\n[advantage]\nkind = "group"\nstd_source = "%s"\n')
METHODS = [
    ("flow_grpo", '[advantage]\nkind = "batch_std"\nstd_eps = 1e-4\n', flow_grpo),
    ("dance_grpo", GROUP_1, dance_grpo),
    ("ddpo", '[advantage]\nkind = "running"\nstd_eps = 1e-6\nbuffer = 16\n', make_ddpo(16)),
    ("ddpo_short", '[advantage]\nkind = "running"\nstd_eps = 1e-6\nbuffer = 7\n', make_ddpo(7)),
    ("gardo", '[advantage]\nkind = "nearest_neighbour_weight"\n', gardo),
    ("diverse_grpo", CLUSTERS + "beta = 0.7\n" + GROUP_1, lambda g: diverse_grpo(g, 0.7)),
    ("diverse_grpo_raw_logits", CLUSTERS + "beta = 3\nquality_scale = 26\n" + GROUP_1,
     lambda g: diverse_grpo(g, 3, 26)),
    ("diverse_grpo_zscore", CLUSTERS + 'beta = 0.7\ncombine = "zscore"\n' + GROUP_1,
     lambda g: diverse_grpo(g, 0.7, combine="zscore")),
    ("diverse_grpo_gated", CLUSTERS + 'beta = 0.7\ngate = "above_mean"\n' + GROUP_1,
     lambda g: diverse_grpo(g, 0.7, gate=True)),
    ("drift", DRIFT % ("0.5", "candidates"), lambda g: drift(g, 4, 0.5, "candidates")),
    ("drift_kept_std", DRIFT % ("1.0", "kept"), lambda g: drift(g, 4, 1.0, "kept")),
]


def rounded(value):
    if isinstance(value, dict):
        return {key: rounded(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [rounded(entry) for entry in value]
    return round(value, 11) if isinstance(value, float) else value


def main():
    iterations = draw_iterations(np.random.default_rng(23))
    methods = [{"name": name, "recipe": recipe, "iterations": [run(groups) for groups in iterations]}
               for name, recipe, run in METHODS]
    text = json.dumps(rounded({"generator": "tests/generators/credit.py", "iterations": iterations, "methods": methods}))
    (FOLDER / "credit.json").write_text(text.replace('{"name"', '\n{"name"') + "\n")
    print(len(text), "bytes")


if __name__ == "__main__":
    main()
