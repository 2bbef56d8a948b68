#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs recipes x seeds with `gamut train`, several at once, and tabulates their evaluations.

  scripts/compare_methods.py run --runs runs/methods --seeds 1 2 3 recipes/glyphs/{flow_grpo,gamut}.toml
  scripts/compare_methods.py table --runs runs/methods [--level 0.85]

A run that is complete is skipped, one that was stopped is resumed. Evaluations are collected in RUNS/results.jsonl, one
row per recipe, seed and step; `table` needs nothing else.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys

MEASURES = [("reward", "reward"), ("judge_exact", "judge exact"), ("color_pairs", "color pairs"),
            ("color_spread", "color spread"), ("feature_distance", "feature distance"),
            ("feature_vendi", "feature Vendi"), ("vendi", "pixel Vendi"), ("high_frequency", "high frequency")]


def name_of(recipe, label):
    return pathlib.Path(recipe).stem + (f"@{label}" if label else "")


def run_one(args, recipe, seed):
    folder = pathlib.Path(args.runs) / f"{name_of(recipe, args.label)}-{seed}"
    if (folder / "model").exists():
        return
    command = [args.program, "train", recipe, "--run", str(folder), "--set", f"seed={seed}"]
    for setting in args.set:
        command += ["--set", setting]
    if (folder / "config.toml").exists():
        command.append("--resume")
    folder.parent.mkdir(parents=True, exist_ok=True)
    environment = dict(os.environ, OMP_NUM_THREADS=str(args.threads), GOMP_SPINCOUNT="1000")
    with open(f"{folder}.log", "a") as log:
        code = subprocess.run(command, stdout=log, stderr=log, env=environment).returncode
    print(f"{folder}: {'done' if code == 0 else f'exit code {code}, see {folder}.log'}", flush=True)


def collect(runs):
    rows = []
    for folder in sorted(path.parent for path in pathlib.Path(runs).glob("*/evals.jsonl")):
        if not (folder / "model").exists():
            continue  # not complete
        recipe, seed = folder.name.rsplit("-", 1)
        times, total = {0: 0.0}, 0.0
        for line in open(folder / "metrics.jsonl"):
            metrics = json.loads(line)
            total += metrics["seconds_total"]
            times[metrics["step"]] = total
        for line in open(folder / "evals.jsonl"):
            row = json.loads(line)
            if row.get("role", "select") != "select" or row.get("set", "prompts") != "prompts" or row["weights"] == "raw":
                continue
            kept = {key: round(row[key], 5) for key, _ in MEASURES} | {"judge": round(row["judge"], 5)}
            rows.append({"recipe": recipe, "seed": int(seed), "step": row["step"],
                         "train_seconds": round(times.get(row["step"], 0.0), 1)} | kept)
    if not rows:
        sys.exit(f"no run with evaluations in {runs}")
    with open(pathlib.Path(runs) / "results.jsonl", "w") as out:
        out.writelines(json.dumps(row) + "\n" for row in rows)


def spread(values):
    return f"{sum(values) / len(values):.3f} ({min(values):.3f}–{max(values):.3f})"


def by_recipe(rows):
    groups = {}
    for row in rows:
        groups.setdefault(row["recipe"], {}).setdefault(row["seed"], []).append(row)
    return groups


def final_table(groups):
    print("| recipe | seeds | " + " | ".join(label for _, label in MEASURES) + " | training s |")
    print("|---|---|" + "--:|" * (len(MEASURES) + 1))
    base = [min(run, key=lambda row: row["step"]) for seeds in groups.values() for run in seeds.values()][0]
    print("| base | | " + " | ".join(f"{base[key]:.3f}" for key, _ in MEASURES) + " | |")
    for recipe, seeds in groups.items():
        last = [max(run, key=lambda row: row["step"]) for run in seeds.values()]
        cells = [spread([row[key] for row in last]) for key, _ in MEASURES]
        seconds = sum(row["train_seconds"] for row in last) / len(last)
        print(f"| {recipe} | {' '.join(map(str, sorted(seeds)))} | " + " | ".join(cells) + f" | {seconds:.0f} |")


def matched_table(groups, level):
    """Best diversity among the checkpoints of a run whose reward reaches the level, per seed."""
    print(f"\nAmong checkpoints with reward >= {level:g}: the largest color spread, with the other measures there.\n")
    shown = [pair for pair in MEASURES if pair[0] != "high_frequency"]
    print("| recipe | seeds that reach it | " + " | ".join(label for _, label in shown) + " |")
    print("|---|---|" + "--:|" * len(shown))
    for recipe, seeds in groups.items():
        best = []
        for run in seeds.values():
            reached = [row for row in run if row["reward"] >= level and row["step"] > 0]
            if reached:
                best.append(max(reached, key=lambda row: row["color_spread"]))
        cells = [spread([row[key] for row in best]) if best else "–" for key, _ in shown]
        print(f"| {recipe} | {len(best)} of {len(seeds)} | " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["run", "table"])
    parser.add_argument("recipes", nargs="*")
    parser.add_argument("--runs", default="runs/methods")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--set", action="append", default=[], help="passed on to gamut train")
    parser.add_argument("--label", default="", help="added to the recipe's name: NAME@LABEL")
    parser.add_argument("--jobs", type=int, default=2, help="runs at once")
    parser.add_argument("--threads", type=int, default=1, help="threads of each run")
    parser.add_argument("--level", type=float, default=0.85, help="table: reward at which diversity is compared")
    parser.add_argument("--program", default="build/gamut")
    args = parser.parse_intermixed_args()
    if args.action == "run":
        with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
            for seed in args.seeds:  # all recipes see the first seed before any sees the second
                for recipe in args.recipes:
                    pool.submit(run_one, args, recipe, seed)
        collect(args.runs)
        return
    rows = [json.loads(line) for line in open(pathlib.Path(args.runs) / "results.jsonl")]
    groups = by_recipe(rows)
    final_table(groups)
    matched_table(groups, args.level)


if __name__ == "__main__":
    main()
