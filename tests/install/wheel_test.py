#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Python wheel, installed into fresh environments with torch in its place, elsewhere, of another version, missing.

    python3 tests/install/wheel_test.py --build build

Exit 77, skipped, without patchelf or when LibTorch is not the one of a Python environment.
"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = TORCH = None


class Wheel(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.home = pathlib.Path(cls.folder.name).resolve()
        subprocess.run([sys.executable, ROOT / "scripts/make_wheel.py", "--build", BUILD, "--out", cls.home], check=True,
                       stdout=subprocess.DEVNULL)
        cls.environment = cls.home / "environment"
        subprocess.run([sys.executable, "-m", "venv", cls.environment], check=True)
        # --no-deps: torch is laid beside it by hand, since a real one is half a gigabyte.
        subprocess.run([cls.environment / "bin/python", "-m", "pip", "install", "--quiet", "--isolated", "--no-deps",
                        "--no-index", "--disable-pip-version-check", next(cls.home.glob("gamut-*.whl"))], check=True)
        cls.packages = next(cls.environment.glob("lib/python3*/site-packages"))

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def setUp(self):
        for path in [*self.packages.glob("torch*"), *self.packages.glob("elsewhere.pth")]:
            path.unlink() if path.is_symlink() or path.is_file() else shutil.rmtree(path)

    def lay_torch(self, folder, version):
        folder.mkdir(exist_ok=True)
        (folder / "torch").symlink_to(TORCH)
        info = folder / f"torch-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: torch\nVersion: {version}\n")

    def gamut(self, *words):
        work = self.home / "work"
        work.mkdir(exist_ok=True)
        return subprocess.run([self.environment / "bin/gamut", *words], cwd=work, capture_output=True, text=True,
                              env={"PATH": "/usr/bin:/bin"})

    def assert_draws(self):
        out = self.home / "work/k.png"
        out.unlink(missing_ok=True)
        ran = self.gamut("sample", "--prompt", "K", "-n", "1", "--steps", "2", "--out", "k.png")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertTrue(out.read_bytes().startswith(b"\x89PNG"))

    def test_it_draws_with_the_torch_beside_it(self):
        self.lay_torch(self.packages, f"{VERSION}+cpu")
        self.assert_draws()
        doctor = self.gamut("doctor").stdout
        self.assertIn(str(self.packages / "gamut/share/gamut"), doctor)
        self.assertRegex(doctor, r"OCR \(Tesseract\) +ok")

    def test_it_draws_with_a_torch_elsewhere_on_the_path(self):
        self.lay_torch(self.home / "elsewhere", VERSION)
        (self.packages / "elsewhere.pth").write_text(f"{self.home / 'elsewhere'}\n")
        self.assert_draws()

    def test_the_module_finds_the_wheels_own_models_and_recipes(self):
        (self.packages / "elsewhere.pth").write_text(f"{TORCH.parent}\n")  # torch with the Python packages that it wants
        python = [self.environment / "bin/python", "-c"]
        work = self.home / "work"
        work.mkdir(exist_ok=True)
        if not list(self.packages.glob("gamut/_gamut.*.so")) or subprocess.run([*python, "import torch"], capture_output=True).returncode:
            self.skipTest("the module was not built, or torch cannot be imported")
        ran = subprocess.run([*python, "import gamut; print(gamut.Model('models/glyphs').sample('K', steps=1).shape)"], cwd=work,
                             capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"})
        self.assertEqual((ran.returncode, ran.stdout), (0, "torch.Size([1, 3, 32, 32])\n"), ran.stderr)

    def test_it_says_that_torch_is_missing(self):
        ran = self.gamut("doctor")
        self.assertEqual(ran.returncode, 4)
        self.assertEqual(ran.stderr, "error: [setup] gamut runs with torch's libraries; got no torch in this Python environment; "
                                     f"run: pip install torch=={VERSION}\n")

    def test_it_says_that_torch_is_another_version(self):
        self.lay_torch(self.packages, "2.4.1")
        ran = self.gamut("doctor")
        self.assertEqual(ran.returncode, 4)
        self.assertIn("got torch 2.4.1; run: pip install", ran.stderr)

    def test_it_needs_no_library_that_is_not_torchs_or_the_c_runtime(self):
        self.lay_torch(self.packages, VERSION)
        program = self.packages / "gamut/bin/gamut"
        for line in subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout.splitlines():
            match = re.match(r"\s*(\S+) => (\S+)", line)
            if match and not match.group(2).startswith(str(self.packages)):
                self.assertRegex(match.group(1), r"^lib(c|m|dl|rt|pthread|resolv|util|stdc\+\+|gcc_s)\.so|^lib(cudart|cupti)\.")


if __name__ == "__main__":
    flags = argparse.ArgumentParser()
    flags.add_argument("--build", type=pathlib.Path, required=True)
    known, rest = flags.parse_known_args()
    BUILD = known.build.resolve()
    config = (BUILD / "gamutConfig.cmake").read_text()
    TORCH = pathlib.Path(re.search(r'GAMUT_BUILT_WITH "(.*)"', config).group(1))
    VERSION = re.search(r"GAMUT_LIBTORCH_VERSION ([0-9.]+)", config).group(1)
    if shutil.which("patchelf") is None or TORCH.name != "torch":
        print("skipped: patchelf was not found, or LibTorch is not a folder 'torch' of a Python environment")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1] + rest)
