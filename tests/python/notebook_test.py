#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""README's Python lines and the notebook, run as they are printed, in another folder than gamut's.

    PYTHONPATH=build/python .venv/bin/python tests/python/notebook_test.py --program build/gamut

The notebook's code runs cell by cell, with a stand-in for IPython's Image where there is no IPython. What it printed when it was
committed is not compared: pictures and numbers are a machine's own.
"""
import json
import os
import re
import subprocess
import sys
import types
import unittest

import support
from support import ROOT, Files

NOTEBOOK = ROOT / "examples/python/variety.ipynb"
MOST_LINES, MOST_BYTES = 15, 200_000


def cells(kind):
    return [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == kind]


class Readme(Files):
    def test_its_lines_run_as_printed(self):
        snippets = [text for text in re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)]
        self.assertEqual(len(snippets), 1)
        self.assertLessEqual(len(snippets[0].splitlines()), MOST_LINES)
        self.assertIn(snippets[0], (ROOT / "docs/python.md").read_text())
        environment = {**os.environ, "PYTHONPATH": str(support.PACKAGES), "BROWSER": "true"}
        ran = subprocess.run([sys.executable, "-c", snippets[0]], cwd=self.home, env=environment, capture_output=True, text=True)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertRegex(ran.stdout, r"reward \(mean\) +\S+ +\S+ +\+0")  # warmer than before
        self.assertTrue((self.home / "warm.png").read_bytes().startswith(b"\x89PNG"))
        self.assertTrue((self.home / "runs/warm/before_after.png").exists())


class Notebook(Files):
    def test_runs_from_top_to_bottom(self):
        if "IPython" not in sys.modules:
            display = types.ModuleType("IPython.display")
            display.Image = lambda path: path.read_bytes()
            sys.modules |= {"IPython": types.ModuleType("IPython"), "IPython.display": display}
        names, before = {"__name__": "__main__"}, os.getcwd()
        os.chdir(self.home)
        try:
            for number, cell in enumerate(cells("code")):
                exec(compile("".join(cell["source"]), f"cell {number}", "exec"), names)
        finally:
            os.chdir(before)
        for name, pictures in names["table"].items():
            self.assertEqual(pictures.shape[0], 16, name)
        base, tuned = (names["warmth"](names["table"][name], None).mean() for name in ("base", "flow_grpo"))
        self.assertGreater(tuned, base)

    def test_is_committed_with_small_pictures(self):
        self.assertLess(NOTEBOOK.stat().st_size, MOST_BYTES)
        outputs = [output for cell in cells("code") for output in cell["outputs"]]
        self.assertGreaterEqual(sum("image/png" in output.get("data", {}) for output in outputs), 3)
        self.assertFalse([output for output in outputs if output["output_type"] == "error"])
        self.assertNotIn(str(ROOT), NOTEBOOK.read_text())


if __name__ == "__main__":
    support.main()
