#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The names of the Python module that other programs call, as they write them; and what help(gamut) shows.

    PYTHONPATH=build/python .venv/bin/python tests/python/names_test.py --program build/gamut
"""
import inspect
import pydoc
import unittest

import support
from support import TINY, Files, warmth

import gamut
import torch


class Names(Files):
    def test_train(self):
        recipe, run = self.home / "recipe.toml", self.home / "run"
        recipe.write_text('algorithm = "flow_grpo"\n')
        gamut.train(str(recipe), set={**self.set, "iterations": 1}, reward=warmth, judge=warmth, run=str(run))
        gamut.train(str(recipe), set=self.set, reward=warmth, judge=warmth, run=str(run), resume=True)
        metrics, evals = gamut.read_run(str(run))
        self.assertEqual([row["step"] for row in metrics], [1, 2])
        self.assertTrue(all(isinstance(row, dict) for row in metrics + evals))
        frontier = gamut.frontier([str(run)])
        self.assertIsInstance(frontier, dict)

    def test_pictures_cross_without_a_copy(self):
        kept, same = [], []

        def reward(pictures, prompts):
            kept.append(pictures)
            return warmth(pictures, prompts)

        def judge(pictures, prompts):  # of an evaluation's pictures, after the reward
            same.append(pictures.data_ptr() == kept[-1].data_ptr())
            return warmth(pictures, prompts)

        self.train("run", reward=reward, judge=judge)
        self.assertEqual(same, [True] * len(same))
        self.assertGreaterEqual(len(same), 2)

    def test_model_sample_is_prompt_major(self):
        model = gamut.Model(str(TINY))
        pictures = model.sample(["the digit 7", "the letter K"], n=3, steps=2, sampler="ode", seed=4, guidance=1.0)
        self.assertEqual((pictures.dim(), pictures.size(0), pictures.size(1), pictures.dtype), (4, 6, 3, torch.float32))
        self.assertGreaterEqual(pictures.min(), 0)
        self.assertLessEqual(pictures.max(), 1)
        first = model.sample(["the digit 7"], n=3, steps=2, sampler="ode", seed=4, guidance=1.0)
        self.assertTrue(torch.equal(pictures[:3], first))
        gamut.Model("models/glyphs", lora=[], device="cpu", dtype="bf16").sample("the letter K", steps=1)

    def test_diversity(self):
        features = torch.eye(4)
        self.assertAlmostEqual(gamut.diversity.vendi(features), 4)
        self.assertAlmostEqual(gamut.diversity.pairwise(features), 1)
        for name in ("rke", "nearest", "clusters"):
            getattr(gamut.diversity, name)(features)
        gamut.diversity.recall(features, features)
        pictures = torch.rand(3, 3, 8, 8)
        self.assertGreater(gamut.diversity.pvs(pictures), 0)
        self.assertGreater(gamut.diversity.color_spread(pictures), 0)

    def test_credit(self):
        self.assertEqual(gamut.credit.cluster_bonus(labels=[0, 0, 0, 1]), [(4 / 3) ** 0.5] * 3 + [2.0])
        self.assertEqual(len(gamut.credit.pairwise_potential([0.1, 0.2], features=torch.eye(2))), 2)
        self.assertEqual(gamut.credit.subset([0.0, 1.0, 1.1], 2), [1, 2])
        self.assertEqual(len(gamut.credit.advantages([0.0, 1.0])), 2)

    def test_errors_are_classes_by_kind(self):
        for kind in (gamut.ConfigError, gamut.DataError, gamut.EnvironmentError, gamut.NumericalError, gamut.InternalError):
            self.assertTrue(issubclass(kind, gamut.Error))
            self.assertEqual(kind.__module__, "gamut")

    @unittest.skipUnless(torch.cuda.is_available(), "no GPU")
    def test_tensors_stay_on_the_gpu(self):
        devices = set()

        def reward(pictures, prompts):
            devices.add(pictures.device.type)
            return warmth(pictures, prompts)

        self.train("run", reward=reward, judge=reward, set={"device": "cuda"})
        self.assertEqual(devices, {"cuda"})
        self.assertEqual(gamut.Model(TINY, device="cuda").sample("K", steps=2).device.type, "cuda")
        features = torch.rand(6, 4)
        self.assertAlmostEqual(gamut.diversity.vendi(features.cuda()), gamut.diversity.vendi(features), places=9)


class Help(unittest.TestCase):
    def test_reads_as_a_page(self):
        page = pydoc.render_doc(gamut, renderer=pydoc.plaintext)
        self.assertLess(len(page.splitlines()), 250)
        for name in ("train(recipe, set=None", "class Model(", "sample(self, prompts", "read_run(path)", "frontier(runs",
                     "ConfigError         wrong usage", "save_sheet(pictures, path"):
            self.assertIn(name, page)
        self.assertNotIn("with_traceback", page)

    def test_everything_says_what_it_takes(self):
        parts = [gamut.train, gamut.Model, gamut.Model.sample, gamut.read_run, gamut.frontier, gamut.to_pil, gamut.save_sheet]
        for module in (gamut.diversity, gamut.credit):
            parts += [f for name, f in vars(module).items() if inspect.isfunction(f) and not name.startswith("_")]
        for part in parts:
            self.assertGreater(len((part.__doc__ or "").split()), 6, part)


if __name__ == "__main__":
    support.main()
