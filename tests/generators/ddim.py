# SPDX-License-Identifier: Apache-2.0
"""Golden fixture of DDIM: diffusers' DDIMScheduler and the log-probability of ddpo-pytorch.

    python tests/generators/ddim.py            # needs torch, diffusers

Writes tests/diffusion/fixtures/ddim.json:

- tables: alphas_cumprod (fp32, every 37th and the last) for each beta schedule
- timesteps: the scheduler's timesteps for N = 10, 20, 50 and each spacing
- checksums: sum of (i + 1) t_i for every N from 1 to 200, a compact check of all roundings. For some N
  (61 is the first) diffusers' trailing list is one too long and ends with -1; the surplus is left out
- steps: DDIMScheduler.step on given latents, outputs and noise, in double on the fp32 table, for the whole chain of
  N = 10 (leading, offset 1) with eta 0, 0.5 and 1 and every prediction type. `next` is prev_sample with injected
  noise, `clean` is pred_original_sample. `log_prob` is the formula of ddpo-pytorch, evaluated by numpy from its own
  variance: mean of -(next - mean)^2 / (2 std^2) - log std - log sqrt(2 pi).

Made with torch 2.13, diffusers 0.42.
"""

import json
import pathlib

import diffusers
import numpy as np
import torch
from diffusers import DDIMScheduler

FOLDER = pathlib.Path(__file__).parent.parent / "diffusion" / "fixtures"
SD15 = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False,
            set_alpha_to_one=False, steps_offset=1)


def tables():
    for schedule, start, end in (("scaled_linear", 0.00085, 0.012), ("linear", 0.0001, 0.02),
                                 ("squaredcos_cap_v2", 0.0001, 0.02)):
        table = DDIMScheduler(beta_schedule=schedule, beta_start=start, beta_end=end).alphas_cumprod
        indices = [*range(0, 1000, 37), 999]
        yield {"beta_schedule": schedule, "beta_start": start, "beta_end": end, "indices": indices,
               "alpha_bars": [float(table[i]) for i in indices]}


def timesteps_of(spacing, offset, count):
    scheduler = DDIMScheduler(**{**SD15, "steps_offset": offset}, timestep_spacing=spacing)
    scheduler.set_timesteps(count)
    return [int(t) for t in scheduler.timesteps]


def spacings():
    for spacing, offset in (("leading", 1), ("leading", 0), ("trailing", 0), ("linspace", 0)):
        rows = {str(count): timesteps_of(spacing, offset, count) for count in (10, 20, 50)}
        sums = []
        for count in range(1, 201):
            steps = timesteps_of(spacing, offset, count)
            sums.append(sum((i + 1) * t for i, t in enumerate(steps[:count])))
        yield {"spacing": spacing, "steps_offset": offset, "timesteps": rows, "checksums": sums}


def ddpo_log_prob(alphas, t, t_prev, eta, mean, sample):
    """The Gaussian of ddpo-pytorch's ddim_step_with_logprob, written out with numpy."""
    a, a_prev = alphas[t], alphas[t_prev]
    std = eta * np.sqrt((1 - a_prev) / (1 - a) * (1 - a / a_prev))
    return float(np.mean(-((sample - mean) ** 2) / (2 * std**2) - np.log(std) - np.log(np.sqrt(2 * np.pi))))


def steps():
    random = np.random.default_rng(7)
    for prediction in ("epsilon", "v_prediction", "sample"):
        for eta in (0.0, 0.5, 1.0):
            scheduler = DDIMScheduler(**SD15, timestep_spacing="leading", prediction_type=prediction)
            scheduler.set_timesteps(10)
            scheduler.alphas_cumprod = scheduler.alphas_cumprod.double()
            scheduler.final_alpha_cumprod = scheduler.alphas_cumprod[0]
            alphas = scheduler.alphas_cumprod.numpy()
            for t in [int(t) for t in scheduler.timesteps]:
                x, out, noise = (torch.tensor(np.round(random.standard_normal(3), 4)) for _ in range(3))
                result = scheduler.step(out, t, x, eta=eta, variance_noise=noise)
                row = {"prediction": prediction, "eta": eta, "t": t, "t_prev": max(t - 100, 0), "x": x.tolist(),
                       "out": out.tolist(), "noise": noise.tolist(), "next": result.prev_sample.tolist(),
                       "clean": result.pred_original_sample.tolist()}
                if eta > 0:
                    mean = scheduler.step(out, t, x, eta=eta, variance_noise=torch.zeros(3)).prev_sample.numpy()
                    row["log_prob"] = ddpo_log_prob(alphas, t, max(t - 100, 0), eta, mean,
                                                    result.prev_sample.numpy())
                yield row


def main():
    fixture = {"generator": "tests/generators/ddim.py", "versions": {"diffusers": diffusers.__version__},
               "tables": list(tables()), "spacings": list(spacings()), "steps": list(steps())}
    text = json.dumps(fixture).replace('{"beta_schedule"', '\n{"beta_schedule"').replace('{"spacing"', '\n{"spacing"')
    (FOLDER / "ddim.json").write_text(text.replace('{"prediction"', '\n{"prediction"') + "\n")
    print(len(fixture["steps"]), "steps")


if __name__ == "__main__":
    main()
