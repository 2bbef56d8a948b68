# SPDX-License-Identifier: Apache-2.0
"""Golden fixture of the deterministic ends of DDIM and of Euler's method on diffusion models.

    python tests/generators/euler.py            # needs torch, diffusers

Writes tests/diffusion/fixtures/euler.json:

- euler: EulerDiscreteScheduler with every spacing and prediction type; `init` is standard normal noise, `outputs` what
  the network says at each step, `inputs` what scale_model_input gives the network, `final` the last sample.
- alpha_one: DDIMScheduler with set_alpha_to_one, eta 0 and 1, the same fields; `noise` per step.

Made with torch 2.14, diffusers 0.42.
"""

import json
import pathlib

import numpy as np
import torch
from diffusers import DDIMScheduler, EulerDiscreteScheduler

FOLDER = pathlib.Path(__file__).parent.parent / "diffusion" / "fixtures"
TABLE = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1)
RANDOM = np.random.default_rng(23)


def draw():
    return torch.tensor(np.round(RANDOM.standard_normal(3), 4), dtype=torch.float32)


def run(scheduler, count, **step_options):
    scheduler.set_timesteps(count)
    init = draw()
    row = {"init": init.tolist(), "timesteps": [float(t) for t in scheduler.timesteps], "outputs": [], "inputs": [],
           "noise": []}
    x = init * scheduler.init_noise_sigma
    for t in scheduler.timesteps:
        row["inputs"].append(scheduler.scale_model_input(x, t).tolist())
        out, noise = draw(), draw()
        row["outputs"].append(out.tolist())
        row["noise"].append(noise.tolist())
        options = {**step_options, "variance_noise": noise} if step_options else {}
        x = scheduler.step(out, t, x, **options).prev_sample
    row["final"] = x.tolist()
    return row


if __name__ == "__main__":
    fixture = {"euler": [], "alpha_one": []}
    for spacing in ("leading", "linspace", "trailing"):
        for prediction in ("epsilon", "v_prediction"):
            for count in (1, 7):
                scheduler = EulerDiscreteScheduler(**TABLE, timestep_spacing=spacing, prediction_type=prediction)
                fixture["euler"].append({"spacing": spacing, "prediction": prediction, **run(scheduler, count)})
        for eta in (0.0, 1.0):
            scheduler = DDIMScheduler(**TABLE, clip_sample=False, set_alpha_to_one=True, timestep_spacing=spacing)
            fixture["alpha_one"].append({"spacing": spacing, "eta": eta, **run(scheduler, 5, eta=eta)})
    (FOLDER / "euler.json").write_text(json.dumps(fixture).replace("}, ", "},\n") + "\n")
