# SPDX-License-Identifier: Apache-2.0
"""Golden fixture of prompt variation: named streams in plain Python, the formulas in NumPy, double precision.

    python tests/generators/conditioning.py          # needs numpy

Writes tests/algorithms/fixtures/conditioning.json. The form `cads` is written as the pseudo-code of CADS (arXiv
2310.17347, appendix) has it, with the sample's standard deviation, which cancels.
"""

import itertools
import json
import pathlib

import numpy as np

from random_streams import normals, words

SEED, LENGTH, WIDTH, STEPS = 99, 3, 5, 10
KEYS = [[4, 1, 0], [4, 1, 7]]
SIGMAS = [1.0, 0.955, 0.9, 0.83, 0.75, 0.66, 0.55, 0.41, 0.24, 0.08]
VISITED = [0, 2, 3, 4]


def gamma(time, tau1, tau2):
    return 1.0 if time <= tau1 else 0.0 if time >= tau2 else (tau2 - time) / (tau2 - tau1)


def strength_factor(case):
    done = case["iteration"] / case["iterations"]
    return {"none": 1.0, "linear": 1 - done, "cosine": (1 + np.cos(np.pi * done)) / 2}[case["iter_anneal"]]


def cads(y, g, scale, noise, rescale, psi):
    mean, std = y.mean(), y.std(ddof=1)
    y = np.sqrt(g) * y + scale * np.sqrt(1 - g) * noise
    if rescale:
        y = psi * ((y - y.mean()) / y.std(ddof=1) * std + mean) + (1 - psi) * y
    return y


def perturbed(row, key, index, case):
    time = SIGMAS[index] if case["time"] == "sigma" else 1 - index / STEPS
    g = 0.0 if case["anneal_axis"] == "iter" else gamma(time, case["tau1"], case["tau2"])
    draw = index + 1 if case["resample"] == "step" else 0
    noise = np.array(normals(words(SEED, "conditioning", key + [draw], 16)))[: row.size].reshape(row.shape)
    scale = case["strength"] * strength_factor(case)
    if g == 1:
        return row
    if case["form"] == "cads":
        return cads(row, g, scale, noise, case["rescale"], case["psi"])
    return row + scale * (1 - g) * np.sqrt((row**2).mean()) * noise


def main():
    rng = np.random.default_rng(5)
    hidden = rng.normal(0.3, [[[1.0]], [[4.0]]], (2, LENGTH, WIDTH)).astype(np.float32).astype(float)
    cases = []
    forms = [("additive", True, 1.0), ("cads", True, 1.0), ("cads", True, 0.4), ("cads", False, 1.0)]
    axes = [("step", "none"), ("iter", "linear"), ("both", "cosine")]
    for (form, rescale, psi), (axis, iter_anneal) in itertools.product(forms, axes):
        case = {"form": form, "rescale": rescale, "psi": psi, "anneal_axis": axis, "iter_anneal": iter_anneal,
                "strength": 0.25, "tau1": 0.6, "tau2": 0.9, "iteration": 30, "iterations": 80,
                "resample": "step" if axis == "both" else "trajectory",
                "time": "sigma" if form == "cads" else "fraction"}
        case["steps"] = [[[round(float(x), 9) for x in perturbed(row, key, i, case).ravel()]
                          for row, key in zip(hidden, KEYS)] for i in VISITED]
        cases.append(case)
    fixture = {"generator": "tests/generators/conditioning.py", "seed": SEED, "keys": KEYS, "sigmas": SIGMAS,
               "visited": VISITED, "length": LENGTH, "width": WIDTH, "hidden": hidden.ravel().tolist(),
               "cases": cases}
    path = pathlib.Path(__file__).parents[1] / "algorithms/fixtures/conditioning.json"
    path.write_text(json.dumps(fixture).replace('{"form"', '\n{"form"') + "\n")
    print(len(cases), "cases,", path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
