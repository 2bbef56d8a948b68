#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `gamut doctor` says of a GPU, with stand-ins for libtorch_cuda (tests/nn/fake_cuda.cpp) and for NVIDIA's driver.

    python3 tests/install/doctor_test.py --build build

The program runs with a folder of links to its LibTorch, in which they lie.
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

BUILD = None
DRIVER = """
#include <string.h>
#include <stddef.h>
int cuDriverGetVersion(int* version) { *version = 13010; return 0; }
int cuInit(unsigned flags) { return INIT; }
int cuDeviceGetCount(int* count) { *count = 2; return 0; }
int cuDeviceGetName(char* name, int size, int device) { strncpy(name, device ? "Second GPU" : "First GPU", size); return 0; }
int cuDeviceTotalMem_v2(size_t* bytes, int device) { *bytes = (device + 1) * (1ul << 33); return 0; }
"""


class Doctor(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name).resolve() / "torch"
        self.lib = self.root / "lib"
        self.lib.mkdir(parents=True)
        runpath = re.search(r"RUNPATH\).*\[(.*)\]", subprocess.run(
            ["readelf", "--wide", "--dynamic", BUILD / "gamut"], check=True, capture_output=True, text=True).stdout).group(1)
        for file in pathlib.Path(runpath).glob("lib*.so*"):
            if "cuda" not in file.name:
                (self.lib / file.name).symlink_to(file)
        # A CUDA build finds two of NVIDIA's libraries by paths from where it lies.
        linked = subprocess.run(["ldd", BUILD / "gamut"], check=True, capture_output=True, text=True).stdout
        for name, file in re.findall(r"(\S+) => (\S*/nvidia/\S+)", linked):
            (self.lib / name).symlink_to(file)
        (self.root / "version.py").write_text("__version__ = '2.13.0'\ncuda: Optional[str] = '13.0'\n")

    def lay_driver(self, result):
        subprocess.run(["cc", "-shared", "-fPIC", f"-DINIT={result}", "-x", "c", "-", "-o", str(self.lib / "libcuda.so.1")],
                       input=DRIVER, text=True, check=True)

    def lay_cuda(self):
        (self.lib / "libtorch_cuda.so").symlink_to(BUILD / "fake_cuda/libtorch_cuda.so")

    def doctor(self):
        ran = subprocess.run([BUILD / "gamut", "doctor"], capture_output=True, text=True,
                             env={"LD_LIBRARY_PATH": str(self.lib), "PATH": "/usr/bin:/bin"})
        lines = dict(line.split(": ", 1) for line in ran.stdout.splitlines() if ": " in line)
        return lines["LibTorch"], lines["CUDA"]

    def test_a_cpu_build(self):
        libtorch, cuda = self.doctor()
        self.assertRegex(libtorch, f"^2\\.[0-9.]+, CPU build, in {self.lib}$")
        self.assertEqual(cuda, f"not available: LibTorch in '{self.lib}' is a CPU build; install torch's CUDA build there, or name "
                               "one in CMAKE_PREFIX_PATH when building gamut")

    def test_a_cuda_build_with_gpus(self):
        self.lay_cuda()
        self.lay_driver(0)
        libtorch, cuda = self.doctor()
        self.assertRegex(libtorch, f"^2\\.[0-9.]+, CUDA 13.0 build, in {self.lib}$")
        self.assertEqual(cuda, "available: First GPU (8192 MiB), Second GPU (16384 MiB); driver for CUDA 13.1")

    def test_a_library_that_is_missing(self):
        subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "/dev/null", "-o", str(self.root / "libcublas_test.so.13"),
                        "-Wl,-soname,libcublas_test.so.13"], check=True)
        subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "/dev/null", "-o", str(self.lib / "libtorch_cuda.so"), "-x", "none",
                        "-Wl,--no-as-needed", str(self.root / "libcublas_test.so.13")], check=True)
        (self.root / "libcublas_test.so.13").unlink()
        _, cuda = self.doctor()
        self.assertRegex(cuda, "^not available: '.*/libtorch_cuda.so' cannot be opened; got 'libcublas_test.so.13: .*'; install "
                               r"torch 2\.[0-9.]+ with all its dependencies there \(pip install without --no-deps\)$")


if __name__ == "__main__":
    flags = argparse.ArgumentParser()
    flags.add_argument("--build", type=pathlib.Path, required=True)
    known, rest = flags.parse_known_args()
    BUILD = known.build.resolve()
    unittest.main(argv=sys.argv[:1] + rest)
