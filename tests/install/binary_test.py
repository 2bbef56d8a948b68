#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How the program was compiled and linked, read from the file itself and from the compile commands.

    python3 tests/install/binary_test.py --build build
"""
import argparse
import json
import pathlib
import re
import shlex
import subprocess
import sys
import unittest

BUILD = None
# Rooms that read files and servers which nobody has checked.
CHECKED = ("core", "io", "text", "rewards")


def readelf(*options):
    return subprocess.run(["readelf", "--wide", *options, BUILD / "gamut"], check=True, capture_output=True, text=True).stdout


class Binary(unittest.TestCase):
    def test_it_is_position_independent_and_its_tables_are_read_only(self):
        self.assertRegex(readelf("--file-header"), r"Type:\s+DYN")
        dynamic, program = readelf("--dynamic"), readelf("--program-headers")
        self.assertRegex(dynamic, r"FLAGS_1\).*NOW.*PIE")
        self.assertIn("GNU_RELRO", program)
        self.assertRegex(program, r"GNU_STACK\s+\S+\s+\S+\s+\S+\s+\S+\s+\S+\s+RW\s")

    def test_stacks_and_buffers_are_guarded(self):
        names = readelf("--dyn-syms")
        self.assertIn("__stack_chk_fail", names)
        self.assertRegex(names, r"__\w+_chk@")
        commands = json.loads((BUILD / "compile_commands.json").read_text())
        for room in CHECKED:
            of_room = [entry["command"] for entry in commands if f"gamut_{room}.dir/" in entry["command"]]
            self.assertTrue(of_room, room)
            for command in of_room:
                for flag in ("-D_GLIBCXX_ASSERTIONS", "-fstack-protector-strong", "-D_FORTIFY_SOURCE=2"):
                    self.assertIn(f" {flag} ", command)

    def test_it_looks_for_libraries_only_where_some_are(self):
        found = re.search(r"RUNPATH\).*\[(.*)\]", readelf("--dynamic"))
        for folder in found.group(1).split(":"):
            self.assertTrue(list(pathlib.Path(folder.replace("$ORIGIN", str(BUILD))).glob("lib*.so*")), folder)

    def test_it_is_linked_with_no_library_of_nvidias(self):
        needed = re.findall(r"NEEDED\).*\[(.*)\]", readelf("--dynamic"))
        self.assertIn("libtorch_cpu.so", needed)
        self.assertFalse([name for name in needed if re.search("cuda|cud|nvrtc|cublas", name)])

    # Some LibTorch wheels carry another nlohmann/json, whose types do not link with ours.
    def test_our_json_comes_before_libtorchs_headers(self):
        count = 0
        for entry in json.loads((BUILD / "compile_commands.json").read_text()):
            words = shlex.split(entry["command"])
            folders = [words[i + 1] for i, word in enumerate(words) if word == "-isystem"]
            torch = [i for i, folder in enumerate(folders) if (pathlib.Path(folder) / "ATen").exists()]
            if torch:
                count += 1
                self.assertTrue((pathlib.Path(folders[0]) / "nlohmann/json.hpp").exists(), entry["file"])
                self.assertGreater(torch[0], 0)
        self.assertGreater(count, 0)


if __name__ == "__main__":
    flags = argparse.ArgumentParser()
    flags.add_argument("--build", type=pathlib.Path, required=True)
    known, rest = flags.parse_known_args()
    BUILD = known.build.resolve()
    unittest.main(argv=sys.argv[:1] + rest)
