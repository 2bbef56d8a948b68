# SPDX-License-Identifier: Apache-2.0
"""What the tests of the Python module share: tiny runs, and leaving where torch cannot be imported."""
import argparse
import json
import pathlib
import sys
import tempfile
import unittest

try:
    import torch  # noqa: F401
except (ImportError, OSError) as error:  # a CUDA build of torch loads only beside all of NVIDIA's libraries
    print(f"skipped: this Python cannot import torch: {error}")
    sys.exit(77)

import gamut

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGES = pathlib.Path(gamut.__path__[0]).absolute().parent  # what PYTHONPATH names
TINY = ROOT / "tests/cli/fixtures/tiny"
READER = ROOT / "models/glyphs-reader"
SMALL = {"iterations": 2, "rollout.prompts_per_iteration": 2, "rollout.group_size": 4, "rollout.micro_batch": 8,
         "sampler.steps": 4, "eval.members": 2, "eval.steps": 2, "eval.every": 2, "eval.report_seed": -1, "checkpoint.every": 1,
         "ema.every": 1, "eval.features": "pixels", "eval.heldout": "", "schedule.count": 2, "schedule.kind": "random"}


def warmth(pictures, prompts):
    assert pictures.shape[1] == 3 and len(prompts) == len(pictures)
    return pictures.mean((2, 3))[:, 0] - pictures.mean((2, 3))[:, 2]


class Files(unittest.TestCase):
    """self.train(name, reward=…) runs two small iterations into self.home / name."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.home = pathlib.Path(self.folder.name)
        (self.home / "prompts.jsonl").write_text("".join(
            json.dumps({"prompt": f"the letter {c}", "target": c, "note": {"of": c}}) + "\n" for c in "KA"))
        self.set = {**SMALL, "model": TINY, "rollout.prompts": self.home / "prompts.jsonl", "reward.kind": "reader",
                    "reward.model": READER, "judge.kind": "reader", "judge.model": READER}

    def tearDown(self):
        self.folder.cleanup()

    def train(self, name, **words):
        recipe = self.home / "recipe.toml"
        recipe.write_text('algorithm = "flow_grpo"\n')
        return gamut.train(recipe, set={**self.set, **words.pop("set", {})}, run=self.home / name, **words)


def main():
    """Runs the calling file's tests; support.PROGRAM is the program by then."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--program", type=pathlib.Path, required=True)
    known, rest = arguments.parse_known_args()
    global PROGRAM
    PROGRAM = known.program.resolve()
    unittest.main(module="__main__", argv=[sys.argv[0], *rest])
