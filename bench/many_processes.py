# SPDX-License-Identifier: Apache-2.0
"""What N processes win: seconds per iteration of flow_grpo on glyphs on one process, on N under torchrun, and of N separate runs
beside one another that each draw 1 / N of every group; one thread each.

    python3 bench/many_processes.py [--processes 2] [--iterations 6] [--rounds 3]

From the project's folder, after make everything, on idle cores. Efficiency: time on one / (N x time on N). Its limit, from the
separate runs: batches are smaller there, and caches, memory and, on some machines, the cores themselves are shared. What lies
between the two is exchange and waiting.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile

RECIPE, GROUP_SIZE, PICTURES = "recipes/glyphs/flow_grpo.toml", 16, 64
PARTS = {"rollout": "seconds_rollout", "update": "seconds_update", "whole": "seconds_total"}
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def command(options, run, share=1):
    return ["build/gamut", "--quiet", "train", RECIPE, "--run", str(run), "--set", f"iterations={options.iterations}",
            "--set", "eval.members=2", "--set", "eval.steps=1", "--set", "eval.every=1000", "--set", "checkpoint.every=1000",
            "--set", f"rollout.group_size={GROUP_SIZE // share}", "--set", f"rollout.micro_batch={PICTURES // share}"]


def torchrun(options):
    own = pathlib.Path(".venv/bin/torchrun")
    found = str(own) if own.exists() else shutil.which("torchrun")
    if not found:
        raise SystemExit("torchrun is neither in .venv/bin nor on PATH; make everything installs it")
    return [found, "--no-python", "--nnodes", "1", "--nproc-per-node",
            str(options.processes), "--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0", "--"]


def seconds(run):
    with open(run / "metrics.jsonl", encoding="utf-8") as rows:
        metrics = [json.loads(row) for row in rows][1:]  # the first iteration warms up
    return {part: [row[key] for row in metrics] for part, key in PARTS.items()}


def runs_at_once(commands):
    processes = [subprocess.Popen(words, env=ENVIRONMENT, stdout=subprocess.DEVNULL) for words in commands]
    failed = [process.args for process in processes if process.wait() != 0]
    if failed:
        raise SystemExit(f"failed: {' '.join(failed[0])}")


def measure(options, folder):
    one, many = folder / "one", folder / "many"
    separate = [folder / f"separate{i}" for i in range(options.processes)]
    runs_at_once([command(options, one)])
    runs_at_once([torchrun(options) + command(options, many)])
    runs_at_once([command(options, run, share=options.processes) for run in separate])
    limit = {part: [time for run in separate for time in seconds(run)[part]] for part in PARTS}
    return {"one": seconds(one), "many": seconds(many), "separate": limit}


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--processes", type=int, default=2)
    arguments.add_argument("--iterations", type=int, default=6)
    arguments.add_argument("--rounds", type=int, default=3)
    options = arguments.parse_args()
    times = {kind: {part: [] for part in PARTS} for kind in ("one", "many", "separate")}
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as folder:
            for kind, parts in measure(options, pathlib.Path(folder)).items():
                for part, values in parts.items():
                    times[kind][part] += values
    print(f"{RECIPE}, one thread per process, medians of {len(times['one']['whole'])} iterations")
    print(f"{'':10}{'one':>8}{options.processes:>8}{'efficiency':>12}{'limit':>8}")
    for part in PARTS:
        one, many, separate = (statistics.median(times[kind][part]) for kind in ("one", "many", "separate"))
        print(f"{part:10}{one:8.3f}{many:8.3f}{one / (options.processes * many):12.1%}{one / (options.processes * separate):8.1%}")


if __name__ == "__main__":
    main()
