# SPDX-License-Identifier: Apache-2.0
"""RL fine-tuning of diffusion and flow image models that keeps their variety.

Train, with a function of yours as the reward:

    done = gamut.train("recipes/glyphs/gamut_gradient.toml", set={"iterations": 10}, reward=fn, run="runs/mine")
    metrics, evals = gamut.read_run("runs/mine")      what the run recorded, as lists of dicts
    gamut.frontier(["runs/mine", "runs/other"])       variety at the same reward, with intervals over seeds

Draw:

    pictures = gamut.Model("runs/mine").sample(["the digit 7"], n=8)    [8, 3, H, W] in [0, 1]
    gamut.save_sheet(pictures, "seven.png")           to_pil(pictures) where Pillow is there

Measure, and use the methods in a training loop of your own (help(gamut.diversity), help(gamut.credit)):

    gamut.diversity.vendi(features)                   measures of variety, as training computes them
    gamut.credit.cluster_bonus(labels=[0, 0, 1])      the methods' parts, on one prompt's group

Errors are classes by kind, with the command line's text, all of them a gamut.Error:

    ConfigError         wrong usage, or a recipe that cannot be
    DataError           a file, tensor or value is not what it must be
    EnvironmentError    the machine lacks something: a file, space, a server
    NumericalError      training cannot go on for numerical reasons
    InternalError       a mistake of gamut's own

Needs torch, whose LibTorch it shares; tensors cross without a copy. The page: docs/python.md.
"""
from . import _command

_ERRORS = ("Error", "ConfigError", "DataError", "EnvironmentError", "NumericalError", "InternalError")
# Without the errors, whose inherited methods would be nine tenths of help(gamut).
__all__ = ["Model", "Prompt", "credit", "diversity", "frontier", "read_run", "save_sheet", "to_pil", "train"]


# Torch and the compiled part load at the first use: the command `gamut` needs neither.
def __getattr__(name):
    if name not in __all__ and name not in _ERRORS:
        raise AttributeError(f"module 'gamut' has no attribute '{name}'")
    from . import _api
    for each in (*__all__, *_ERRORS):
        globals()[each] = getattr(_api, each)
    return globals()[name]


def __dir__():
    return sorted((*__all__, *_ERRORS))
