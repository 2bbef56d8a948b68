#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""examples/reward_server as a user starts it, asked by gamut as a user runs it. Standard library only.

    python3 tests/interop/reward_server.py --program build/gamut
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]


def evaluate(program, url, *sets):
    flags = [word for pair in (f"reward.remote.url={url}", *sets) for word in ("--set", pair)]
    command = [program, "eval", "recipes/glyphs/flow_grpo.toml", "--json", "--set", "reward.kind=remote",
               "--set", "judge.kind=colorfulness", "--set", "eval.members=2", "--set", "eval.steps=1",
               "--set", "eval.features=pixels", *flags]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300,
                          env=os.environ | {"OMP_NUM_THREADS": "1"})


def expect(condition, *what):
    if not condition:
        sys.exit(f"reward_server: {' '.join(map(str, what))}")


def rewards_of(ran):
    """The first object on standard output is the evaluation; a recipe may ask for further ones."""
    expect(ran.returncode == 0, ran.stderr)
    value, _ = json.JSONDecoder().raw_decode(ran.stdout.strip())
    while isinstance(value, list):
        value = value[0]
    return value


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", default=str(ROOT / "build/gamut"))
    program = parser.parse_args().program
    script = ROOT / "examples/reward_server/reward_server.py"
    server = subprocess.Popen([sys.executable, str(script), "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        url = server.stdout.readline().split()[-1]
        row = rewards_of(evaluate(program, url))
        # A 32 x 32 picture takes between 0.1 and 3.2 kB as a PNG.
        expect(0.1 < row["reward"] < 3.2 and row["reward_failures"] == 0, "unlikely rewards:", row)
        other = evaluate(program, url, "reward.remote.fields_named=plural", "reward.remote.retries=0")
        expect(other.returncode == 4 and "KeyError: 'image'" in other.stderr, "other field names:", other.stderr)
        try:
            urllib.request.urlopen(f"{url}/compute", data=b"no json", timeout=20)
            expect(False, "the server took what is no JSON")
        except urllib.error.HTTPError as error:
            expect(error.code == 500 and "error" in json.load(error), "an error is not reported as JSON")
    finally:
        server.terminate()
        server.wait(20)
    dead = evaluate(program, url, "reward.remote.retries=0")
    expect(dead.returncode == 4 and "connection refused" in dead.stderr, "a dead server:", dead.stderr)


main()
