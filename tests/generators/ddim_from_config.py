# SPDX-License-Identifier: Apache-2.0
"""Golden fixture: scheduler_config.json of every class that carries betas, and diffusers' DDIMScheduler.from_config on it.

    python tests/generators/ddim_from_config.py            # needs torch, diffusers, scipy

Writes tests/diffusion/fixtures/ddim_from_config.json: a list of cases with

- config: the file's text as the class writes it (DPM-Solver's has -Infinity), or by hand as in the wild
- timesteps and, for eta 0 and 0.7, a chain of steps: x, out, noise -> next, clean (three numbers each)

Where a class other than DDIM's and DDPM's has no clip_sample, gamut does not clip, and neither does this (from_config
would take DDIM's own default, which clips latents as if they were pictures).

Made with torch 2.13, diffusers 0.42.
"""

import inspect
import json
import pathlib

import diffusers
import numpy as np
import torch
from diffusers import DDIMScheduler

FILE = pathlib.Path(__file__).parent.parent / "diffusion" / "fixtures" / "ddim_from_config.json"
CLASSES = ["DDIMScheduler", "DDPMScheduler", "PNDMScheduler", "LMSDiscreteScheduler", "EulerDiscreteScheduler",
           "EulerAncestralDiscreteScheduler", "HeunDiscreteScheduler", "DPMSolverMultistepScheduler",
           "DPMSolverSinglestepScheduler", "KDPM2DiscreteScheduler", "KDPM2AncestralDiscreteScheduler",
           "DEISMultistepScheduler", "UniPCMultistepScheduler", "SASolverScheduler", "LCMScheduler", "TCDScheduler",
           "DDIMParallelScheduler", "DDPMParallelScheduler", "DDIMInverseScheduler"]
STABLE_DIFFUSION = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False,
                        set_alpha_to_one=False, steps_offset=1, num_train_timesteps=1000)


def written_by(name, **options):
    scheduler = getattr(diffusers, name)
    known = set(inspect.signature(scheduler.__init__).parameters)
    return json.loads(scheduler(**{k: v for k, v in options.items() if k in known}).to_json_string())


def configs():
    for name in CLASSES:
        yield 5, written_by(name, **STABLE_DIFFUSION)
    # As a pipeline's scheduler is replaced: the keys of the class before stay in the file.
    for name in ("DPMSolverMultistepScheduler", "EulerAncestralDiscreteScheduler", "UniPCMultistepScheduler"):
        before = diffusers.PNDMScheduler(**{k: v for k, v in STABLE_DIFFUSION.items() if k != "clip_sample"})
        yield 4, json.loads(getattr(diffusers, name).from_config(before.config, clip_sample=False).to_json_string())
    # By hand, in the form in which many fine-tunes are saved.
    by_hand = {"_diffusers_version": "0.13.0", "clip_sample_range": 1.0, "prediction_type": "epsilon",
               "trained_betas": None, "variance_type": "fixed_small", **STABLE_DIFFUSION}
    for name in ("DDPMScheduler", "LMSDiscreteScheduler", "DEISMultistepScheduler", "SomebodysOwnScheduler"):
        yield 3, {"_class_name": name, **by_hand}
    yield 4, written_by("EulerDiscreteScheduler", **STABLE_DIFFUSION, use_karras_sigmas=True)
    yield 4, written_by("DPMSolverMultistepScheduler", **STABLE_DIFFUSION, use_karras_sigmas=True,
                        algorithm_type="sde-dpmsolver++", timestep_spacing="trailing")
    yield 4, {**by_hand, "_class_name": "DDIMScheduler", "use_karras_sigmas": True, "skip_prk_steps": True}
    yield 5, written_by("DDIMScheduler", beta_schedule="squaredcos_cap_v2", clip_sample=False)
    yield 5, written_by("DDPMScheduler")  # clips
    yield 5, {"_class_name": "DDPMScheduler", "beta_schedule": "linear"}  # absent keys
    yield 5, written_by("DDIMScheduler", prediction_type="sample", clip_sample=True, clip_sample_range=0.7)
    for spacing in ("trailing", "linspace", "leading"):
        yield 5, written_by("DDIMScheduler", **STABLE_DIFFUSION, rescale_betas_zero_snr=True,
                            prediction_type="v_prediction", timestep_spacing=spacing)
    yield 4, written_by("DDPMScheduler", rescale_betas_zero_snr=True, prediction_type="v_prediction",
                        timestep_spacing="trailing", clip_sample=True)
    yield 4, written_by("EulerDiscreteScheduler", **STABLE_DIFFUSION, rescale_betas_zero_snr=True,
                        prediction_type="v_prediction", timestep_spacing="trailing")
    given = [round(0.001 + 0.015 * (i / 19) ** 2, 6) for i in range(20)]
    for name in ("DDIMScheduler", "DDPMScheduler", "PNDMScheduler", "DPMSolverMultistepScheduler"):
        yield 4, written_by(name, trained_betas=given, num_train_timesteps=20, clip_sample=False, set_alpha_to_one=False)
    yield 4, written_by("DDIMScheduler", trained_betas=given, num_train_timesteps=20, clip_sample=False,
                        rescale_betas_zero_snr=True, prediction_type="v_prediction", timestep_spacing="trailing")


def case(count, config, random):
    clips = "clip_sample" in config or config["_class_name"].startswith(("DDIM", "DDPM"))
    scheduler = DDIMScheduler.from_config(dict(config), **({} if clips else {"clip_sample": False}))
    scheduler.set_timesteps(count)
    scheduler.alphas_cumprod = scheduler.alphas_cumprod.double()
    scheduler.final_alpha_cumprod = scheduler.final_alpha_cumprod.double()
    rows = []
    for eta in (0.0, 0.7):
        for t in [int(t) for t in scheduler.timesteps]:
            x, out, noise = (torch.tensor(np.round(random.standard_normal(3), 3)) for _ in range(3))
            result = scheduler.step(out, t, x, eta=eta, variance_noise=noise)
            rows.append([eta, x.tolist(), out.tolist(), noise.tolist(),
                         [float(f"{v:.9g}") for v in result.prev_sample.tolist()],
                         [float(f"{v:.9g}") for v in result.pred_original_sample.tolist()]])
    return {"config": json.dumps(config), "timesteps": [int(t) for t in scheduler.timesteps], "rows": rows}


def main():
    random = np.random.default_rng(11)
    cases = [case(count, config, random) for count, config in configs()]
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
    print(FILE, FILE.stat().st_size, "bytes,", len(cases), "cases")


if __name__ == "__main__":
    main()
