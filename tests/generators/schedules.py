# SPDX-License-Identifier: Apache-2.0
"""Golden fixture of the noise levels: diffusers' FlowMatchEulerDiscreteScheduler.

    python tests/generators/schedules.py            # needs numpy, diffusers

Writes tests/diffusion/fixtures/sigma_grids.json: for each case the grid's name and parameters here and the scheduler's
`sigmas` (fp32). `sd3_diffusers` sets only a step count; `linspace_shift` and `flux_dynamic` hand over linspace(1, 1/N).

Made with diffusers 0.42.
"""

import json
import pathlib

import diffusers
import numpy as np
from diffusers import FlowMatchEulerDiscreteScheduler

FOLDER = pathlib.Path(__file__).parent.parent / "diffusion" / "fixtures"
STEPS = [1, 2, 3, 10, 28, 40]


def levels(scheduler):
    return [float(value) for value in scheduler.sigmas]


def static_cases():
    for shift in (0.5, 1.0, 1.15, 3.0, 7.0):
        for steps in STEPS:
            scheduler = FlowMatchEulerDiscreteScheduler(shift=shift)
            scheduler.set_timesteps(steps)
            yield {"kind": "sd3_diffusers", "shift": shift, "steps": steps, "sigmas": levels(scheduler)}
            scheduler = FlowMatchEulerDiscreteScheduler(shift=shift)
            scheduler.set_timesteps(sigmas=np.linspace(1.0, 1.0 / steps, steps))
            yield {"kind": "linspace_shift", "shift": shift, "steps": steps, "sigmas": levels(scheduler)}


def dynamic_cases():
    for mu in (0.5, 1.15, 2.02):
        for steps in STEPS:
            scheduler = FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True)
            scheduler.set_timesteps(sigmas=np.linspace(1.0, 1.0 / steps, steps), mu=mu)
            yield {"kind": "flux_dynamic", "mu": mu, "steps": steps, "sigmas": levels(scheduler)}


def main():
    cases = [*static_cases(), *dynamic_cases()]
    FOLDER.mkdir(parents=True, exist_ok=True)
    fixture = {"generator": "tests/generators/schedules.py", "versions": {"diffusers": diffusers.__version__},
               "cases": cases}
    text = json.dumps(fixture).replace('{"kind"', '\n{"kind"')
    (FOLDER / "sigma_grids.json").write_text(text + "\n")
    print(len(cases), "cases")


if __name__ == "__main__":
    main()
