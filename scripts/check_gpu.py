#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What only a GPU can show, in minutes: ratio in bf16, rewards in half precision, processes that share it.

    python3 scripts/check_gpu.py [--program build/gamut] [--device cuda]

From the project's folder, after make build for a GPU (docs/install.md). Small random weights and the shipped glyph model; exit code 1
where a bound is missed. With --device cpu it shows that the check itself works, which the tests do (one family, by itself on one thread).
"""
import argparse
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile

HALF = 1e-2      # what rewards in bf16 and fp16 may differ by from fp32
FP32 = 1e-4      # relative, what two processes may differ by from one, in fp32


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default="build/gamut")
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    return parser.parse_args()


class Check:
    def __init__(self, options, folder):
        self.program, self.device, self.folder, self.failed = options.program, options.device, folder, []

    def start(self, command, recipe, *more, environment=None, device=None, **settings):
        sets = [f"device={json.dumps(device or self.device)}"] + [f"{key}={json.dumps(value)}" for key, value in settings.items()]
        threads = {"OMP_NUM_THREADS": "1"} if self.device == "cpu" else {}
        line = [self.program, "--quiet", command, recipe, *more] + [word for one in sets for word in ("--set", one)]
        return subprocess.Popen(line, env={**os.environ, **threads, **(environment or {})}, stdout=subprocess.PIPE, text=True)

    def run(self, *parts, **more):
        return self.finish(self.start(*parts, **more))

    def finish(self, process):
        out, _ = process.communicate(timeout=600)
        if process.returncode:
            sys.exit(f"{' '.join(process.args)} ended with {process.returncode}")
        return out

    def metrics(self, name):
        return [json.loads(line) for line in (self.folder / name / "metrics.jsonl").read_text().splitlines()]

    def say(self, what, value, bound=None):
        good = bound is None or value <= bound
        if not good:
            self.failed.append(what)
        limit = "" if bound is None else f"   (at most {bound:g}: {'yes' if good else 'NO'})"
        print(f"{what:<58}{value:10.2e}{limit}", flush=True)

    def ratio(self, family, dtype):
        name = f"{family}-{dtype}"
        self.run("train", f"recipes/{family}/smoke.toml", "--run", str(self.folder / name), dtype=dtype,
                 **{"guard.ratio_tolerance": 1.0, "eval.steps": 1, "eval.report_seed": -1})
        largest = max(line["ratio_max_deviation"] for line in self.metrics(name))
        self.say(f"largest |ratio - 1|, {family}, {dtype}", largest)

    # Of each prompt.
    def clip_scores(self, **settings):
        text = self.run("eval", "recipes/glyphs/flow_grpo.toml", "--json", device="cpu",
                        **{"reward.kind": "clip_score", "reward.clip_model": "models/glyphs-clip", "eval.members": 2,
                           "eval.steps": 4, **settings})
        return json.loads(text)["per_prompt"]["reward"]

    def rewards(self):
        exact = self.clip_scores()
        for dtype in ["fp32", "bf16"] + (["fp16"] if self.device == "cuda" else []):
            values = self.clip_scores(**{"reward.device": self.device, "reward.dtype": dtype})
            apart = max(abs(a - b) for a, b in zip(values, exact))
            self.say(f"clip_score, {dtype} on {self.device} against fp32 on the CPU", apart, HALF)

    def train_glyphs(self, name, rank=0, processes=1, port=0):
        world = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": processes, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        if self.device == "cuda":
            world["CUDA_VISIBLE_DEVICES"] = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
        return self.start("train", "recipes/glyphs/flow_grpo.toml", "--run", str(self.folder / name), iterations=2,
                          environment={key: str(value) for key, value in world.items()},
                          **{"eval.members": 2, "eval.steps": 2, "guard.ratio_tolerance": 1e-3, "comm.timeout": 60})

    def processes(self):
        self.finish(self.train_glyphs("one"))
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
        for process in [self.train_glyphs("two", rank, 2, port) for rank in range(2)]:
            self.finish(process)
        for key in ["reward_mean", "grad_norm"]:
            apart = max(abs(a[key] - b[key]) / abs(a[key]) for a, b in zip(self.metrics("one"), self.metrics("two")))
            self.say(f"{key} of two processes on one {self.device}, relative", apart, FP32)


def main():
    options = arguments()
    with tempfile.TemporaryDirectory(prefix="gamut-gpu-") as folder:
        check = Check(options, pathlib.Path(folder))
        print(subprocess.run([options.program, "doctor"], capture_output=True, text=True, check=True).stdout)
        for family in ["sd15", "sd35", "flux"] if options.device == "cuda" else ["sd35"]:
            for dtype in ["fp32", "bf16"]:
                check.ratio(family, dtype)
        check.rewards()
        check.processes()
    if check.failed:
        sys.exit("missed: " + "; ".join(check.failed))


if __name__ == "__main__":
    main()
