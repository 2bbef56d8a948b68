#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which LibTorch scripts/setup.sh ends with, against package indexes made of tiny wheels.

    python3 tests/install/setup_test.py

The wheels of a CUDA build hold a libtorch_cpu.so that needs libcudart, as the real one does; that comes with its companion.
Nothing is downloaded and no system package installed.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
VERSION = '#define TORCH_VERSION \\\n  "%s"\n'
CUDA_NEEDS = ["cuda-toolkit[cublas,cudart,cupti]==13.0.3; platform_system == 'Linux'", "nvidia-cudnn-cu13==9.20.0.48",
              "sympy>=1.13"]


def compile_library(target, *options):
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "/dev/null", "-o", str(target), *options], check=True)


class Files:
    """A CPU and a CUDA build's libtorch_cpu.so, and libcudart_test.so.13, made once."""

    def __init__(self, folder):
        self.cudart, self.cpu, self.cuda = folder / "libcudart_test.so.13", folder / "cpu.so", folder / "cuda.so"
        compile_library(self.cudart, "-Wl,-soname,libcudart_test.so.13")
        compile_library(self.cpu)
        compile_library(self.cuda, "-x", "none", "-Wl,--no-as-needed", str(self.cudart),
                        "-Wl,-rpath,$ORIGIN/../../nvidia/cu13/lib")


def torch_files(files, version, cuda):
    text = (VERSION % version.split("+")[0]).encode()
    members = {"torch/lib/libtorch_cpu.so": (files.cuda if cuda else files.cpu).read_bytes(),
               "torch/lib/libc10.so": files.cpu.read_bytes(), "torch/include/ATen/ATen.h": b"",
               "torch/include/torch/headeronly/version.h": text}
    return members | ({"torch/lib/libtorch_cuda.so": files.cpu.read_bytes()} if cuda else {})


def write_tree(folder, members):
    for name, data in members.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def add_wheel(index, name, version, members, needs=(), extras=()):
    page = index / name
    page.mkdir(parents=True, exist_ok=True)
    stem = name.replace("-", "_")
    info = f"{stem}-{version}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Provides-Extra: {extra}" for extra in extras] + [f"Requires-Dist: {need}" for need in needs]
    wheel = page / f"{stem}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, data in members.items():
            archive.writestr(path, data)
        archive.writestr(f"{info}/METADATA", "\n".join(lines) + "\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "".join(f"{path},,\n" for path in members))
    links = "".join(f'<a href="{file.name.replace("+", "%2B")}">{file.name}</a>' for file in page.glob("*.whl"))
    (page / "index.html").write_text(f"<!DOCTYPE html><html><body>{links}</body></html>")


def cuda_index(files, index):
    add_wheel(index, "torch", "2.13.0", torch_files(files, "2.13.0", True), CUDA_NEEDS)
    add_wheel(index, "cuda-toolkit", "13.0.3", {},
              ["nvidia-cuda-runtime==13.0.96; extra == 'cudart'", "nvidia-cuda-cupti==13.0.85; extra == 'cupti'",
               "nvidia-cublas==13.1.0; extra == 'cublas'"], ["cudart", "cupti", "cublas"])
    add_wheel(index, "nvidia-cuda-runtime", "13.0.96", {"nvidia/cu13/lib/libcudart_test.so.13": files.cudart.read_bytes()})
    add_wheel(index, "nvidia-cuda-cupti", "13.0.85", {"nvidia/cu13/lib/libcupti.so.13": files.cpu.read_bytes()})


class Setup(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.home = tempfile.TemporaryDirectory()
        home = pathlib.Path(cls.home.name)
        cls.files = Files(home / "files")
        cls.cuda_only, cls.with_cpu, cls.empty = home / "cuda", home / "cpu", home / "empty"
        cuda_index(cls.files, cls.cuda_only)
        cuda_index(cls.files, cls.with_cpu)
        add_wheel(cls.with_cpu, "torch", "2.13.0+cpu", torch_files(cls.files, "2.13.0", False))
        cls.empty.mkdir()
        cls.environment = home / "environment"
        subprocess.run([sys.executable, "-m", "venv", str(cls.environment)], check=True)

    @classmethod
    def tearDownClass(cls):
        cls.home.cleanup()

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name).resolve() / "gamut"
        for name in ("scripts/setup.sh", "cmake/LibTorch.cmake"):
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.root / name)

    def environment_at(self, folder):
        shutil.copytree(self.environment, folder, symlinks=True)
        return next((folder / "lib").glob("python3*/site-packages"))

    def setup(self, index, **variables):
        hidden = ("PIP_", "CMAKE_PREFIX_PATH", "VIRTUAL_ENV", "CONDA_PREFIX", "Torch_DIR", "GAMUT_")
        environment = {key: value for key, value in os.environ.items() if not key.startswith(hidden)}
        environment |= {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1", "GAMUT_SKIP_PACKAGES": "1",
                        "GAMUT_TORCH_INDEX": index.as_uri()} | variables
        return subprocess.run(["bash", str(self.root / "scripts/setup.sh")], env=environment, capture_output=True, text=True,
                              cwd="/")

    def installed(self):
        infos = self.root.glob(".venv/lib/python3*/site-packages/*.dist-info")
        return {info.name.removesuffix(".dist-info") for info in infos} - {
            info.name.removesuffix(".dist-info") for info in self.environment.glob("lib/python3*/site-packages/*.dist-info")}

    COMPANIONS = {"cuda_toolkit-13.0.3", "nvidia_cuda_runtime-13.0.96", "nvidia_cuda_cupti-13.0.85"}

    def test_an_index_of_cuda_builds_gives_the_cuda_build_and_what_it_needs_to_load(self):
        ran = self.setup(self.cuda_only)
        self.assertEqual((ran.returncode, ran.stdout), (0, ""), ran.stderr)
        self.assertEqual(self.installed(), {"torch-2.13.0"} | self.COMPANIONS)
        self.assertIn("527 MB", ran.stderr.split("taking the build")[0])
        again = self.setup(self.empty)
        self.assertEqual((again.returncode, again.stdout, again.stderr), (0, "", ""))

    def test_a_cpu_build_goes_before_a_cuda_build(self):
        ran = self.setup(self.with_cpu)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertEqual(self.installed(), {"torch-2.13.0+cpu"})
        self.assertIn("192 MB", ran.stderr)

    def test_a_wheel_that_is_too_old_is_replaced(self):
        self.environment_at(self.root / ".venv")
        old = self.root.parent / "old"
        add_wheel(old, "torch", "2.10.0", torch_files(self.files, "2.10.0", False))
        subprocess.run([self.root / ".venv/bin/python", "-m", "pip", "install", "--quiet", "--isolated",
                        "--disable-pip-version-check", "--index-url", old.as_uri(), "torch"], check=True)
        self.assertEqual(self.installed(), {"torch-2.10.0"})
        ran = self.setup(self.with_cpu)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertEqual(self.installed(), {"torch-2.13.0+cpu"})

    def test_a_cuda_wheel_that_cannot_be_loaded_is_completed(self):
        self.environment_at(self.root / ".venv")
        subprocess.run([self.root / ".venv/bin/python", "-m", "pip", "install", "--quiet", "--isolated", "--no-deps",
                        "--disable-pip-version-check", "--index-url", self.cuda_only.as_uri(), "torch"], check=True)
        ran = self.setup(self.cuda_only)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertEqual(self.installed(), {"torch-2.13.0"} | self.COMPANIONS)
        self.assertNotIn("installing LibTorch", ran.stderr)

    def test_an_own_libtorch_is_taken_as_it_is(self):
        own = self.root.parent / "own"
        write_tree(own, {name.removeprefix("torch/"): data for name, data in torch_files(self.files, "2.11.0", False).items()})
        ran = self.setup(self.empty, CMAKE_PREFIX_PATH=f"/nowhere:{own}")
        self.assertEqual((ran.returncode, ran.stdout, ran.stderr), (0, "", ""))
        self.assertFalse((self.root / ".venv").exists())

    def test_an_own_libtorch_that_is_too_old_is_named(self):
        own = self.root.parent / "own"
        write_tree(own, {name.removeprefix("torch/"): data for name, data in torch_files(self.files, "2.10.1", False).items()})
        ran = self.setup(self.with_cpu, CMAKE_PREFIX_PATH=str(own))
        self.assertEqual((ran.returncode, ran.stderr), (
            4, f"error: [setup] the LibTorch that CMAKE_PREFIX_PATH names is too old; got 2.10.1 in '{own}'; expected at "
               "least 2.11\n"))

    def test_the_torch_of_an_activated_environment_is_taken(self):
        packages = self.environment_at(self.root.parent / "mine")
        write_tree(packages, torch_files(self.files, "2.12.0", False))
        ran = self.setup(self.empty, VIRTUAL_ENV=str(self.root.parent / "mine"))
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        self.assertFalse((self.root / ".venv").exists())

    def test_an_activated_environment_with_an_old_torch_is_left_alone(self):
        packages = self.environment_at(self.root.parent / "mine")
        write_tree(packages, torch_files(self.files, "2.4.0", False))
        ran = self.setup(self.with_cpu, VIRTUAL_ENV=str(self.root.parent / "mine"))
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertEqual(self.installed(), {"torch-2.13.0+cpu"})
        self.assertIn('"2.4.0"', (packages / "torch/include/torch/headeronly/version.h").read_text())

    def test_an_activated_environment_whose_torch_cannot_be_loaded_is_named(self):
        packages = self.environment_at(self.root.parent / "mine")
        write_tree(packages, torch_files(self.files, "2.13.0", True))
        ran = self.setup(self.cuda_only, VIRTUAL_ENV=str(self.root.parent / "mine"))
        self.assertEqual(ran.returncode, 4)
        self.assertIn("needs libraries that are not there: libcudart_test.so.13; install torch with its dependencies", ran.stderr)

    def test_a_gpu_is_made_ready_with_all_that_torch_asks_for(self):
        self.environment_at(self.root / ".venv")
        index = self.root.parent / "gpu"
        cuda_index(self.files, index)
        add_wheel(index, "torch", "2.13.0+cpu", torch_files(self.files, "2.13.0", False))
        add_wheel(index, "nvidia-cublas", "13.1.0", {"nvidia/cu13/lib/libcublas.so.13": b""})
        add_wheel(index, "nvidia-cudnn-cu13", "9.20.0.48", {"nvidia/cudnn/lib/libcudnn.so.9": b""})
        add_wheel(index, "sympy", "1.14", {})
        for again in (False, True):
            ran = self.setup(index, GAMUT_GPU="1")
            self.assertEqual(ran.returncode, 0, ran.stderr)
            self.assertEqual(ran.stderr == "", again)
        self.assertEqual(self.installed(), {"torch-2.13.0", "nvidia_cublas-13.1.0", "nvidia_cudnn_cu13-9.20.0.48", "sympy-1.14"}
                         | self.COMPANIONS)

    def test_an_index_without_torch_ends_with_what_to_do(self):
        # Four attempts, since indexes fail now and then; the pauses between them are not waited for here.
        script = self.root / "scripts/setup.sh"
        script.write_text(script.read_text().replace("sleep $((attempt * 3))", "true"))
        ran = self.setup(self.empty)
        self.assertEqual(ran.returncode, 4)
        self.assertIn("error: [setup] pip could not install torch 2.13.0", ran.stderr)


if __name__ == "__main__":
    unittest.main()
