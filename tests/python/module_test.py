#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Python module of a build folder, in the Python of the torch that gamut was built with.

    PYTHONPATH=build/python .venv/bin/python tests/python/module_test.py --program build/gamut

Numbers are held to brute force in torch and to what the program prints.
"""
import math
import os
import pathlib
import signal
import subprocess
import sys
import threading
import unittest

import support
from support import ROOT, TINY, Files, warmth

import gamut
import torch


class Diversity(unittest.TestCase):
    features = torch.randn(9, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def kernel(self):
        unit = self.features / self.features.norm(dim=1, keepdim=True)
        return unit @ unit.T

    def test_vendi_is_the_exponential_of_the_kernels_entropy(self):
        values = torch.linalg.eigvalsh(self.kernel() / 9).clamp_min(1e-15)
        self.assertAlmostEqual(gamut.diversity.vendi(self.features), math.exp(-(values * values.log()).sum()), places=9)
        self.assertAlmostEqual(gamut.diversity.vendi(self.features, q=2), gamut.diversity.rke(self.features), places=9)
        self.assertAlmostEqual(gamut.diversity.vendi(torch.eye(4)), 4)
        self.assertAlmostEqual(gamut.diversity.vendi(torch.ones(4, 2)), 1)

    def test_pairwise_and_nearest_are_means_of_one_minus_cosine(self):
        distance = 1 - self.kernel()
        off = ~torch.eye(9, dtype=torch.bool)
        self.assertAlmostEqual(gamut.diversity.pairwise(self.features), distance[off].mean().item(), places=9)
        self.assertAlmostEqual(gamut.diversity.nearest(self.features),
                               distance.fill_diagonal_(9).min(1).values.mean().item(), places=9)

    def test_takes_arrays_lists_distances_and_kernels_alike(self):
        expected = gamut.diversity.pairwise(self.features)
        self.assertEqual(gamut.diversity.pairwise(self.features.numpy()), expected)
        self.assertEqual(gamut.diversity.pairwise(self.features.tolist()), expected)
        distance = 1 - self.kernel()
        self.assertAlmostEqual(gamut.diversity.pairwise(distances=distance.fill_diagonal_(0)), expected, places=9)
        self.assertAlmostEqual(gamut.diversity.vendi(kernel=self.kernel()), gamut.diversity.vendi(self.features), places=9)
        self.assertEqual(gamut.diversity.pairwise(self.features.clone().requires_grad_()), expected)

    def test_clusters_recall_and_pictures(self):
        blocks = torch.cat([torch.tensor([[1.0, 0.0]]) + 0.01 * torch.randn(6, 2), torch.tensor([[0.0, 1.0]]).repeat(6, 1)])
        labels = gamut.diversity.clusters(blocks)
        self.assertEqual(labels, [0] * 6 + [1] * 6)
        self.assertEqual(gamut.diversity.clusters(blocks, clusters=1), [0] * 12)
        hit = gamut.diversity.recall(torch.tensor([[0.0], [0.1], [5.0]]), torch.tensor([[0.0], [5.0], [9.0], [20.0]]))
        self.assertEqual((hit["hits"], hit["irs_alpha"], hit["alpha"]), (2, 0.5, 0.75))
        pictures = torch.zeros(2, 3, 4, 4)
        pictures[1] = 1
        self.assertAlmostEqual(gamut.diversity.color_spread(pictures), 0.5)
        self.assertAlmostEqual(gamut.diversity.pvs(pictures), 0.5)

    def test_refuses_what_is_no_group(self):
        for wrong in (dict(), dict(features=torch.ones(3)), dict(features=torch.full((3, 2), float("nan"))),
                      dict(distances=torch.ones(3, 2)), dict(features=torch.eye(2), kernel=torch.eye(2))):
            with self.assertRaises(gamut.DataError):
                gamut.diversity.vendi(**wrong)
        with self.assertRaises(gamut.ConfigError):
            gamut.diversity.clusters(torch.eye(3), clusters="many")


class Credit(unittest.TestCase):
    def test_cluster_bonus_is_the_root_of_group_over_cluster(self):
        labels = [0] * 12 + [1] * 6 + [2] * 4 + [3] * 2
        expected = [math.sqrt(24 / labels.count(label)) for label in labels]
        for got, want in zip(gamut.credit.cluster_bonus(labels=labels), expected):
            self.assertAlmostEqual(got, want, places=12)
        self.assertEqual(gamut.credit.cluster_bonus(labels=torch.tensor(labels)), gamut.credit.cluster_bonus(labels))
        with self.assertRaises(gamut.DataError):
            gamut.credit.cluster_bonus()
        with self.assertRaises(gamut.ConfigError):
            gamut.credit.cluster_bonus(labels=[0], bonus_from="log")

    def test_advantages_by_group(self):
        got = gamut.credit.advantages([1.0, 2.0, 6.0], kind="group", std_ddof=0, std_eps=0)
        want = (torch.tensor([1.0, 2.0, 6.0]) - 3) / torch.tensor([1.0, 2.0, 6.0]).std(unbiased=False)
        for a, b in zip(got, want.tolist()):
            self.assertAlmostEqual(a, b, places=6)
        both = gamut.credit.advantages([[1.0, 2.0, 6.0], [0.0, 0.0, 0.0]], kind="group", std_ddof=0, std_eps=0)
        self.assertEqual(both[0], got)
        for one in (torch.tensor([1.0, 2.0, 6.0]), torch.tensor([1.0, 2.0, 6.0]).numpy(), list(torch.tensor([1.0, 2.0, 6.0]))):
            self.assertEqual(gamut.credit.advantages(one, std_ddof=0, std_eps=0), got)
        self.assertEqual(gamut.credit.advantages(torch.tensor([[1.0, 2.0, 6.0], [0.0, 0.0, 0.0]]), std_ddof=0, std_eps=0), both)
        weighted = gamut.credit.advantages(torch.rand(6), features=torch.rand(6, 4), kind="nearest_neighbour_weight")
        self.assertEqual(len(weighted), 6)
        self.assertEqual(both[1], [0.0, 0.0, 0.0])

    def test_rewards_that_are_no_numbers_are_refused(self):
        wrong, features = [0.5, float("nan"), 1.0], torch.eye(3)
        for call in (lambda: gamut.credit.advantages(wrong), lambda: gamut.credit.subset(wrong, 2),
                     lambda: gamut.credit.pairwise_potential(wrong, features=features)):
            with self.assertRaisesRegex(gamut.DataError, "finite numbers; got nan of member 1; leave members out"):
                call()
        for call in (lambda: gamut.credit.advantages([0.5, None]), lambda: gamut.credit.cluster_bonus(labels=["a", "b"])):
            with self.assertRaisesRegex(gamut.DataError, "must be numbers; got "):
                call()

    def test_subset_of_least_variance(self):
        self.assertEqual(gamut.credit.subset([0.1, 0.9, 0.5, 0.52, 0.55, 0.2], 3), [2, 3, 4])

    def test_potential_prefers_the_odd_one(self):
        features = torch.tensor([[1.0, 0.0]] * 3 + [[0.0, 1.0]])
        shaped = gamut.credit.pairwise_potential([1.0, 1.0, 1.0, 1.0], features=features, weight=0.5)
        self.assertEqual(max(range(4), key=shaped.__getitem__), 3)
        self.assertEqual(gamut.credit.pairwise_potential([0.0, 1.0], features=torch.eye(2), weight=0.0, norm_r="none"),
                         [0.0, 1.0])


class Training(Files):
    def test_trains_on_a_function_and_tells_what_happened(self):
        steps, evaluations, seen = [], [], []

        def reward(pictures, prompts):
            seen.append((pictures, prompts))
            return warmth(pictures, prompts)

        done = self.train("run", reward=reward, judge=warmth, on_step=steps.append, on_evaluation=evaluations.append)
        self.assertTrue(done["finished"])
        self.assertTrue((pathlib.Path(done["model"]) / "model_index.json").exists())
        metrics, evals = gamut.read_run(self.home / "run")
        self.assertEqual(steps, metrics)
        self.assertEqual(evaluations, evals)
        self.assertEqual([row["step"] for row in metrics], [1, 2])
        pictures, prompts = seen[0]
        self.assertTrue(pictures.isfinite().all())  # still valid after the run
        self.assertEqual({prompt.target for prompt in prompts}, {"K", "A"})
        self.assertEqual(prompts[0].metadata, {"note": {"of": prompts[0].target}})
        self.assertAlmostEqual(evals[0]["reward"], evals[0]["judge"])
        config = (self.home / "run/config.toml").read_text()
        self.assertIn("Training.test_trains_on_a_function_and_tells_what_happened.<locals>.reward",
                      config)
        self.assertIn("warmth", config)

    def test_resumes_to_the_same_bits_and_names_what_is_missing(self):
        self.train("whole", reward=warmth, set={"iterations": 4})
        self.train("parts", reward=warmth, set={"iterations": 2})
        self.train("parts", reward=warmth, set={"iterations": 4}, resume=True)

        def rows(name):
            return [{k: v for k, v in row.items() if not k.startswith("seconds")} for row in gamut.read_run(self.home / name)[0]]

        self.assertEqual(rows("parts"), rows("whole"))
        with self.assertRaisesRegex(gamut.ConfigError, "warmth"):
            gamut.train(self.home / "parts", set={"iterations": 5}, run=self.home / "parts", resume=True)

    def test_none_and_nan_are_failures(self):
        def half(pictures, prompts):
            return [None if i % 2 else (float("nan") if i % 4 == 2 else 0.5 + 0.1 * i) for i in range(len(prompts))]

        self.train("run", reward=half, judge=warmth)
        metrics, _ = gamut.read_run(self.home / "run")
        self.assertEqual(metrics[0]["reward_failures"], 6)

    def test_control_c_leaves_a_checkpoint(self):
        def interrupt(row):
            if row["step"] == 1:
                os.kill(os.getpid(), signal.SIGINT)

        with self.assertRaises(KeyboardInterrupt):
            self.train("run", reward=warmth, set={"iterations": 50}, on_step=interrupt)
        self.assertTrue(list((self.home / "run/checkpoints").iterdir()))
        done = self.train("run", reward=warmth, set={"iterations": 3}, resume=True)
        self.assertEqual(done["steps"], 3)

    def test_a_failing_observer_ends_its_own_run_alone(self):
        ended, waiting = threading.Event(), threading.Event()

        def fail(row):
            waiting.wait(60)
            raise LookupError("enough")

        def failing():
            try:
                self.train("one", reward=warmth, set={"iterations": 50}, on_step=fail)
            except LookupError:
                ended.set()

        thread = threading.Thread(target=failing)
        thread.start()

        def go_on(row):  # the other run fails between this one's iterations
            waiting.set()
            self.assertTrue(ended.wait(60))

        done = self.train("two", reward=warmth, set={"iterations": 3}, on_step=go_on)
        thread.join()
        self.assertTrue(done["finished"])
        self.assertEqual(len(gamut.read_run(self.home / "one")[0]), 1)
        self.assertTrue(list((self.home / "one/checkpoints").iterdir()))

    def test_errors_are_the_command_lines(self):
        with self.assertRaisesRegex(gamut.ConfigError, "unknown key 'rollout.group'"):
            self.train("run", set={"rollout.group": 3})
        with self.assertRaises(gamut.ConfigError):
            self.train("run", set={"iterations": object()})
        with self.assertRaises(gamut.ConfigError):
            gamut.read_run(self.home)


class Sampling(Files):
    def test_draws_what_the_program_draws(self):
        pictures = gamut.Model(TINY).sample(["the digit 7", "the letter K"], n=2, steps=3, seed=5)
        self.assertEqual(pictures.shape[:2], (4, 3))
        subprocess.run([support.PROGRAM, "sample", "--model", TINY, "--prompt", "the digit 7", "--prompt", "the letter K", "-n", "2",
                        "--steps", "3", "--seed", "5", "--save-images", self.home / "p", "--quiet"], check=True)
        from_program = [(self.home / f"p/prompt{p}_{m}.png").read_bytes() for p in range(2) for m in range(2)]
        self.assertEqual(len(set(from_program)), 4)
        with_noise = gamut.Model(TINY).sample("the digit 7", n=2, steps=3, seed=5, sampler="flow_sde")
        self.assertFalse(torch.equal(with_noise, pictures[:2]))
        try:
            from PIL import Image
        except ImportError:
            return
        for png, picture in zip(range(4), gamut.to_pil(pictures)):
            read = Image.open(self.home / f"p/prompt{png // 2}_{png % 2}.png").convert("RGB")
            self.assertEqual(list(read.getdata()), list(picture.getdata()))

    def test_refuses_what_is_no_model(self):
        with self.assertRaises(gamut.EnvironmentError):
            gamut.Model(self.home / "nowhere")
        with self.assertRaises(gamut.ConfigError):
            gamut.Model(TINY).sample("x", sampler="magic")
        with self.assertRaises(gamut.ConfigError):
            gamut.Model(TINY).sample([])
        for name, value in {"n": 0, "steps": 1001, "seed": -1, "batch": 0, "height": -8, "guidance": float("nan")}.items():
            with self.assertRaisesRegex(gamut.ConfigError, f"sample's {name} must be a .*number from .*; got "):
                gamut.Model(TINY).sample("x", **{name: value})


class Example(unittest.TestCase):
    def test_the_loop_of_ones_own_runs(self):
        for method in ("bonus", "potential"):
            ran = subprocess.run([sys.executable, ROOT / "examples/python/flow_grpo_bonus.py", method, "--iterations", "10"],
                                 capture_output=True, text=True)
            self.assertEqual(ran.returncode, 0, ran.stderr)
            self.assertIn("iteration  10", ran.stdout)


if __name__ == "__main__":
    support.main()
