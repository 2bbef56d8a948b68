# SPDX-License-Identifier: Apache-2.0
"""gamut: RL fine-tuning of diffusion and flow image models that keeps their variety.

    gamut.train("recipes/glyphs/gamut.toml", reward=fn, run="runs/mine")
    gamut.Model("runs/mine").sample(["the digit 7"], n=8)
    metrics, evals = gamut.read_run("runs/mine")      what a run recorded, as lists of dicts
    gamut.diversity.vendi(features)                   measures of variety, as training computes them
    gamut.credit.cluster_bonus(labels=[0, 0, 1])      the methods' parts, for a training loop of your own

Errors are classes by kind: ConfigError, DataError, EnvironmentError, NumericalError, InternalError, all of gamut.Error; their
texts are the command line's. Needs torch, whose LibTorch it shares. The page: docs/python.md.
"""
from . import _command

# Torch and the compiled part load at the first use: the command `gamut` needs neither.
_NAMES = ("Error", "ConfigError", "DataError", "EnvironmentError", "NumericalError", "InternalError", "Model", "Prompt",
          "credit", "diversity", "frontier", "read_run", "to_pil", "train")
__all__ = list(_NAMES)


def __getattr__(name):
    if name not in _NAMES:
        raise AttributeError(f"module 'gamut' has no attribute '{name}'")
    from . import _api
    for each in _NAMES:
        globals()[each] = getattr(_api, each)
    return globals()[name]


def __dir__():
    return sorted(_NAMES)
