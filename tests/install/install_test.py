#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An installed gamut: moved to another folder it draws pictures from anywhere, and other projects find it.

    python3 tests/install/install_test.py --build build
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONSUMER = ROOT / "tests/install/consumer"
BUILD = None


def run(command, **options):
    ran = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    if ran.returncode != 0:
        raise AssertionError(f"{command}: exit {ran.returncode}\n{ran.stdout[-3000:]}\n{ran.stderr[-3000:]}")
    return ran.stdout


def clean_environment():
    return {key: value for key, value in os.environ.items() if key not in ("GAMUT_DATA", "LD_LIBRARY_PATH", "VIRTUAL_ENV")}


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.home = pathlib.Path(cls.folder.name).resolve()
        run(["cmake", "--install", BUILD, "--prefix", cls.home / "first/place"])
        (cls.home / "first").rename(cls.home / "second")
        cls.prefix = cls.home / "second/place"

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def gamut(self, *words, cwd=None):
        return run([self.prefix / "bin/gamut", *words], cwd=cwd or self.home, env=clean_environment())

    def consumer(self, build, *options, target="consumer"):
        run(["cmake", "-S", CONSUMER, "-B", build, "-DCMAKE_BUILD_TYPE=Debug", *options], env=clean_environment())
        run(["cmake", "--build", build, "--target", target, "--parallel", "2"])
        return build / target

    def test_it_draws_a_picture_from_another_folder(self):
        self.gamut("sample", "--prompt", "K", "-n", "1", "--steps", "2", "--out", "k.png")
        self.assertTrue((self.home / "k.png").read_bytes().startswith(b"\x89PNG"))

    def test_its_recipes_and_models_come_with_it(self):
        rows = self.gamut("explain", "config", "recipes/glyphs/flow_grpo.toml")
        self.assertIn(str(self.prefix / "share/gamut/recipes/glyphs/flow_grpo.toml"), rows)
        self.assertIn(f"data: {self.prefix / 'share/gamut'}", subprocess.run(
            [self.prefix / "bin/gamut", "doctor"], capture_output=True, text=True, cwd=self.home,
            env=clean_environment()).stdout)

    def test_a_recipe_of_ones_own_lies_anywhere(self):
        mine = self.home / "mine"
        mine.mkdir()
        (mine / "words.txt").write_text("K\nL\n")
        (mine / "r.toml").write_text('model = "models/glyphs"\niterations = 1\n[rollout]\nprompts = "words.txt"\nprompts_per_iteration = 1\n'
                                     'group_size = 2\nmicro_batch = 2\n[sampler]\nsteps = 3\n[eval]\nevery = 1\nmembers = 2\n'
                                     '[reward]\nkind = "reader"\nmodel = "models/glyphs-reader"\n'
                                     '[judge]\nkind = "reader"\nmodel = "models/glyphs-reader"\n')
        plan = self.gamut("plan", "mine/r.toml")
        self.assertIn("parameters", plan)
        self.assertIn(str(mine / "words.txt"), self.gamut("explain", "config", mine / "r.toml", cwd="/"))

    def test_fonts_are_listed(self):
        rows = (self.prefix / "share/gamut/fonts.tsv").read_text().splitlines()[1:]
        self.assertEqual(len(rows), 55)
        self.assertIn("truetype/lato/Lato-Black.ttf\tfonts-lato\tsans", rows)

    def test_find_package_gives_the_libraries(self):
        program = self.consumer(self.home / "found", f"-DCMAKE_PREFIX_PATH={self.prefix}", "-DCONSUMER_WITH_TORCH=ON")
        self.assertEqual(run([program]).splitlines()[-1], "3.000")

    def test_add_subdirectory_gives_the_libraries(self):
        program = self.consumer(self.home / "taken_in", f"-DGAMUT_SOURCES={ROOT}")
        run([program])
        self.assertFalse((self.home / "taken_in/gamut/tests").exists())


if __name__ == "__main__":
    flags = argparse.ArgumentParser()
    flags.add_argument("--build", type=pathlib.Path, required=True)
    known, rest = flags.parse_known_args()
    BUILD = known.build.resolve()
    unittest.main(argv=sys.argv[:1] + rest)
