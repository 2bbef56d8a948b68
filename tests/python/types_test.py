#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The stubs of the Python module, by mypy: by themselves, against the module as it is, against a typed program.

    PYTHONPATH=build/python .venv/bin/python tests/python/types_test.py --program build/gamut

mypy is that of this Python, which scripts/setup.sh test installs; skipped without.
"""
import importlib.util
import os
import subprocess
import sys
import tempfile
import unittest

import support
from support import ROOT

if importlib.util.find_spec("mypy") is None:
    print("skipped: this Python has no mypy (scripts/setup.sh test installs it)")
    sys.exit(77)

# torch's types are read, for those of its tensors, and not judged.
SETTINGS = """[mypy]
cache_dir = {folder}/cache
[mypy-torch.*]
follow_imports = silent
[mypy-PIL.*]
ignore_missing_imports = True
"""


class Types(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.settings = os.path.join(self.folder.name, "mypy.ini")
        with open(self.settings, "w") as file:
            file.write(SETTINGS.format(folder=self.folder.name))

    def tearDown(self):
        self.folder.cleanup()

    def mypy(self, *words):
        ran = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, cwd=self.folder.name,
                             env={**os.environ, "PYTHONPATH": str(support.PACKAGES), "MYPYPATH": str(support.PACKAGES)})
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)

    def test_the_stubs_and_a_program_are_strict(self):
        self.mypy("mypy", "--strict", "--config-file", self.settings, *sorted(map(str, (ROOT / "python/gamut").glob("*.pyi"))))
        self.mypy("mypy", "--strict", "--warn-unused-ignores", "--config-file", self.settings,
                  str(ROOT / "tests/python/typed_program.py"))

    def test_the_stubs_are_the_module(self):
        self.mypy("mypy.stubtest", "gamut", "--mypy-config-file", self.settings, "--ignore-missing-stub")


if __name__ == "__main__":
    support.main()
