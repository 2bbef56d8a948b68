#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the Python module makes of functions that return the wrong thing, of foreign tensors, of torch's absence, of forks.

    PYTHONPATH=build/python .venv/bin/python tests/python/bad_input_test.py --program build/gamut
"""
import os
import subprocess
import sys
import traceback
import unittest
import unittest.mock

import support
from support import ROOT, TINY, Files, warmth

import gamut
import torch


class Results(Files):
    def refusal(self, function):
        """The text of the DataError that a reward's result brings, which is one line; the first evaluation has 4 pictures."""
        self.count = getattr(self, "count", 0) + 1
        with self.assertRaises(gamut.DataError) as caught:
            self.train(f"run{self.count}", reward=function, judge=warmth)
        text = str(caught.exception)
        self.assertEqual(len(text.splitlines()), 1, text)
        self.assertIn(self.id().rsplit(".", 1)[1], text)  # names the function by its qualified name
        return text

    def test_of_another_shape(self):
        self.assertIn("must return one real number per picture; got a tensor [4, 2] of Float on cpu; expected a dense [4]",
                      self.refusal(lambda p, q: torch.zeros(len(q), 2)))
        self.assertIn("got a tensor [3] of Float", self.refusal(lambda p, q: torch.zeros(len(q) - 1)))
        self.assertIn("got a tensor [] of Float", self.refusal(lambda p, q: torch.tensor(0.5)))

    def test_of_another_type(self):
        self.assertIn("of ComplexFloat", self.refusal(lambda p, q: torch.zeros(len(q), dtype=torch.complex64)))
        self.assertIn("expected a dense [4]", self.refusal(lambda p, q: torch.zeros(len(q)).to_sparse()))
        self.assertIn("a tensor or list of one number per picture; got <class 'str'>", self.refusal(lambda p, q: "good"))
        self.assertIn("got <class 'float'>", self.refusal(lambda p, q: 1.0))
        self.assertIn("must return numbers or None; got 'a'", self.refusal(lambda p, q: ["a"] * len(q)))

    def test_on_another_device(self):
        self.assertIn("on meta", self.refusal(lambda p, q: torch.zeros(len(q), device="meta")))

    def test_of_another_length(self):
        self.assertIn("must return one number per picture; got 1 for 4 pictures", self.refusal(lambda p, q: [0.5]))
        self.assertIn("got 5 for 4 pictures", self.refusal(lambda p, q: [0.5] * (len(q) + 1)))

    def test_of_every_other_real_type_are_taken(self):
        for name, of in {"half": torch.float16, "bf16": torch.bfloat16, "double": torch.float64, "whole": torch.int64}.items():
            self.train(name, reward=lambda p, q: (100 * warmth(p, q)).to(of), judge=lambda p, q: [1] * len(q))

    def test_that_require_a_gradient_are_taken_without_it(self):
        weight = torch.ones(1, requires_grad=True)

        def graded(pictures, prompts):
            self.assertFalse(pictures.requires_grad)
            return warmth(pictures, prompts) * weight

        self.train("graph", reward=graded, judge=warmth)
        self.train("plain", reward=warmth, judge=warmth)
        self.assertIsNone(weight.grad)
        rewards = [[row["reward_mean"] for row in gamut.read_run(self.home / name)[0]] for name in ("graph", "plain")]
        self.assertEqual(*rewards)

    def test_exceptions_come_out_with_their_traceback(self):
        def broken(pictures, prompts):
            raise LookupError("no such weights")

        try:
            self.train("broken", reward=broken)
        except LookupError as error:
            lines = traceback.format_exception(error)
            self.assertIn("no such weights", lines[-1])
            self.assertTrue(any("in broken" in line for line in lines), lines)
        else:
            self.fail("the run went on")

    def test_pictures_that_are_kept_stay_valid(self):
        kept = []

        def keep(pictures, prompts):
            kept.append((pictures, pictures.clone()))
            return warmth(pictures, prompts)

        self.train("run", reward=keep, judge=warmth, set={"iterations": 3})
        self.assertGreater(len(kept), 3)
        for pictures, as_they_were in kept:
            self.assertTrue(torch.equal(pictures, as_they_were))


class Torch(Files):
    def import_with(self, path, code="import gamut; gamut.train"):
        return subprocess.run([sys.executable, *path, "-c", code], capture_output=True, text=True, cwd=self.home,
                              env={**os.environ, "PYTHONPATH": os.pathsep.join([str(self.home), str(support.PACKAGES)])})

    def last_line(self, ran):
        self.assertNotEqual(ran.returncode, 0)
        return ran.stderr.splitlines()[-1]

    def test_missing_is_one_line(self):
        ran = self.import_with(["-S"])  # no site-packages, so no torch
        self.assertIn("ImportError: gamut runs with torch's libraries; got no torch in this Python environment; run: pip install "
                      "torch", self.last_line(ran))

    def test_older_is_one_line(self):
        (self.home / "torch").mkdir()
        (self.home / "torch/__init__.py").write_text("raise RuntimeError('nobody should have imported this')")
        info = self.home / "torch-2.10.1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 2.10.1\n")
        self.assertEqual(self.last_line(self.import_with([])), "ImportError: gamut needs torch 2.11 or newer; got torch 2.10.1; "
                                                               "run: pip install --upgrade torch")

    def test_is_not_needed_to_import_the_package(self):
        ran = self.import_with(["-S"], "import gamut; print(gamut.__doc__.splitlines()[0])")
        self.assertEqual(ran.returncode, 0, ran.stderr)


class Forks(Files):
    message = "this process was forked after CUDA had started"

    def test_after_torchs_cuda_started_are_refused(self):
        with unittest.mock.patch("torch.cuda._is_in_bad_fork", lambda: True):
            with self.assertRaisesRegex(gamut.EnvironmentError, self.message):
                gamut.Model(TINY, device="cuda")
            with self.assertRaisesRegex(gamut.EnvironmentError, self.message):
                self.train("run", set={"device": "cuda"})
            gamut.Model(TINY)  # on the CPU nothing is wrong

    @unittest.skipUnless(torch.cuda.is_available(), "no GPU")
    def test_after_cuda_started_here_are_refused(self):
        gamut.Model(TINY, device="cuda").sample("the letter K", steps=2)
        child = os.fork()
        if child == 0:
            try:
                gamut.Model(TINY, device="cuda")
            except gamut.EnvironmentError as error:
                os._exit(0 if self.message in str(error) else 2)
            os._exit(1)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)


class Sheets(Files):
    def test_wrong_pictures_are_refused(self):
        for wrong in (torch.zeros(3, 8, 8), torch.zeros(2, 1, 8, 8), torch.zeros(0, 3, 8, 8)):
            with self.assertRaises(gamut.DataError):
                gamut.save_sheet(wrong, self.home / "sheet.png")
        with self.assertRaises(gamut.Error):
            gamut.save_sheet(torch.zeros(1, 3, 8, 8), self.home / "nowhere/sheet.png")


if __name__ == "__main__":
    support.main()
