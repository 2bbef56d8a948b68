# SPDX-License-Identifier: Apache-2.0
"""How waiting threads behave beside other work: seconds per iteration of flow_grpo, alone and with one busy process per
core, as the program waits by itself, spinning (OpenMP's own default is a shorter form of it) and sleeping at once.

    python3 bench/neighbor_load.py [--rounds 3]        # from the project's folder, after make build
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

SETTINGS = {"as the program waits": {}, "spinning": {"OMP_WAIT_POLICY": "active"},
            "OpenMP's default": {"GOMP_SPINCOUNT": "300000"}, "sleeping at once": {"OMP_WAIT_POLICY": "passive"}}


def iteration_seconds(setting, threads):
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("OMP_", "GOMP_", "KMP_"))}
    with tempfile.TemporaryDirectory() as folder:
        run = os.path.join(folder, "run")
        subprocess.run(
            ["build/gamut", "--quiet", "train", "recipes/glyphs/flow_grpo.toml", "--run", run, "--set", "iterations=3",
             "--set", "eval.members=2", "--set", "eval.steps=1", "--set", "eval.every=1000",
             "--set", "checkpoint.every=1000"],
            check=True, stdout=subprocess.DEVNULL, env=environment | setting | {"OMP_NUM_THREADS": str(threads)})
        with open(os.path.join(run, "metrics.jsonl"), encoding="utf-8") as rows:
            return [json.loads(row)["seconds_total"] for row in rows][1:]  # the first iteration warms up


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rounds", type=int, default=3)
    options = arguments.parse_args()
    cores = len(os.sched_getaffinity(0))
    times = {(name, busy): [] for name in SETTINGS for busy in (False, True)}
    for _ in range(options.rounds):
        for busy in (False, True):
            # Each ends by itself, should this program not get to end it.
            loads = [subprocess.Popen([sys.executable, "-c", "import time\nend = time.time() + 600\nwhile time.time() < end: pass"])
                     for _ in range(cores if busy else 0)]
            try:
                for name, setting in SETTINGS.items():
                    times[name, busy] += iteration_seconds(setting, cores)
            finally:
                for load in loads:
                    load.kill()
                    load.wait()
    print(f"seconds per iteration of flow_grpo, {cores} threads on {cores} cores, median of {2 * options.rounds}")
    print(f"{'':24}{'alone':>8}{'busy':>8}")
    for name in SETTINGS:
        print(f"{name:24}" + "".join(f"{statistics.median(times[name, busy]):8.2f}" for busy in (False, True)))


if __name__ == "__main__":
    main()
