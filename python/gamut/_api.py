# SPDX-License-Identifier: Apache-2.0
"""What `import gamut` offers, once torch is there."""
import collections
import json
import os

from . import _command

try:
    _command.check_torch()
except RuntimeError as _missing:
    raise ImportError(str(_missing)) from None
import torch  # noqa: E402  (its libraries come first, so that both use the same)

from . import _gamut  # noqa: E402
from . import credit, diversity  # noqa: E402, F401

Prompt = collections.namedtuple("Prompt", "text target attributes metadata")
Prompt.__doc__ = """A prompt as the prompt file has it: text for the model, target to be read ("" = none), attributes and metadata as dicts."""
Prompt.__module__ = "gamut"

for _error in ("Error", "ConfigError", "DataError", "EnvironmentError", "NumericalError", "InternalError"):
    globals()[_error] = getattr(_gamut, _error)
    globals()[_error].__module__ = "gamut"


def read_run(path):
    """(metrics, evals) of a run folder: a dict per iteration and per evaluation, as docs/metrics.md names their keys.

    ConfigError for a folder that is no run; a row that a kill cut short is left out.
    """
    metrics, evals = _gamut.read_run(path)
    return [json.loads(row) for row in metrics], [json.loads(row) for row in evals]


def _prompts(described):
    return [Prompt(text, target, attributes, json.loads(metadata) if metadata else {})
            for text, target, attributes, metadata in described]


def _row_observer(observer):
    return None if observer is None else lambda row: observer(json.loads(row))


def train(recipe, set=None, reward=None, judge=None, run=None, resume=False, on_step=None, on_evaluation=None):
    """RL fine-tuning by a recipe, as `gamut train` does it, into the run folder `run` (docs/run_folder.md).

    recipe: path of a TOML recipe or of a run. set: its keys to override, {"iterations": 20, "lora.rank": 8}.
    reward, judge: functions fn(pictures, prompts) in place of the recipe's, with pictures a float32 tensor [B, 3, H, W] in [0, 1]
        on the device where they were drawn and prompts a list of gamut.Prompt; they return a tensor [B] or a list with a number per
        picture, None or NaN where it cannot be told (counted as a failure, never as 0). The run's config.toml names them.
    run: folder; None = runs/<recipe's name>, numbered if taken. resume: go on from its newest checkpoint, under the same recipe.
    on_step, on_evaluation: called with each row of metrics.jsonl and evals.jsonl as a dict.

    Returns {"finished", "steps", "table", "path", "model", "sheet"}. Ctrl-C ends the run after its iteration with a checkpoint, then
    raises KeyboardInterrupt; an exception of a function ends it too and is raised as it is. Else gamut.Error by kind.
    """
    recipe = os.fspath(recipe)
    if run is None:
        if resume:
            raise _gamut.ConfigError("[usage] resume needs run, the folder to go on in")
        run = _gamut.free_run_folder(recipe)
    return _gamut.train(recipe, dict(set or {}), reward, judge, _row_observer(on_step), _row_observer(on_evaluation), _prompts,
                        os.fspath(run), resume)


class Model:
    """A model to draw from: a folder in diffusers' layout, a run folder, or ORG/NAME of the Hugging Face cache.

    lora: adapters, "file" or "file:scale". device: "cpu" or "cuda". dtype: "fp32", "bf16" or "fp16". variant: weight files to prefer.
    """

    def __init__(self, path, lora=(), device="cpu", dtype="fp32", variant=""):
        self._model = _gamut.Model(os.fspath(path), [os.fspath(each) for each in lora], device, dtype, variant)

    def sample(self, prompts, n=1, steps=20, sampler="", seed=0, guidance=1.0, negative="", height=0, width=0, batch=64):
        """n pictures for each prompt, a float32 tensor [prompts n, 3, H, W] in [0, 1] on the model's device, prompt-major: what
        `gamut sample` draws, bit for bit.

        prompts: a string or a list. sampler: "" (the model's own, without noise), "ode", "flow_sde", "ddim" or "euler".
        guidance: classifier-free, 1 = off; told to the network where that is how it is guided (FLUX.1-dev). negative: what
        classifier-free guidance leads away from. height, width: pixels; 0 = the model's own. batch: pictures at once, which
        changes memory alone. gamut.ConfigError for a sampler or size that the model cannot have.
        """
        prompts = [prompts] if isinstance(prompts, str) else list(prompts)
        return self._model.sample(prompts, n, steps, sampler, seed, guidance, negative, height, width, batch)


def to_pil(pictures):
    """Pictures [n, 3, H, W] in [0, 1] as a list of PIL images; needs Pillow (ImportError without)."""
    from PIL import Image
    bytes_ = (pictures.detach().clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    return [Image.fromarray(picture) for picture in bytes_]


def save_sheet(pictures, path, columns=8):
    """Writes pictures [n, 3, H, W] in [0, 1] as one PNG, row by row, small ones enlarged; needs no Pillow.

    gamut.DataError for another shape, gamut.EnvironmentError where the file cannot be written.
    """
    _gamut.save_sheet(pictures, os.fspath(path), columns)


def frontier(runs, x="reward", y="color_spread", baseline="", interpolate=False):
    """What `gamut frontier --json` prints of these run folders or .jsonl files, as a dict."""
    return json.loads(_gamut.frontier([os.fspath(each) for each in runs], x, y, baseline, interpolate))


for _public in (Model, frontier, read_run, save_sheet, to_pil, train):
    _public.__module__ = "gamut"  # where people import them from, and what help() shows
