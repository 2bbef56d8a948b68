#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compiles every source file by itself, which finds includes that only a neighbor in its batch has: compile_files.py build-files

Checked, not written (-fsyntax-only): code of these files is made, and warned of, where they are compiled in batches. The
precompiled header must be there (target gamut_pch)."""
import argparse
import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path


def commands(build):
    """One command per source file of the repository; a kernel that is compiled once per instruction set counts once."""
    found = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        if not Path(entry["file"]).resolve().is_relative_to(build):
            found.setdefault(entry["file"], entry)
    return list(found.values())


def checked(entry):
    """The compiler's own words of a file, "" when it compiles."""
    command = re.sub(r" -o \S+ -c ", " -fsyntax-only ", entry["command"])
    done = subprocess.run(command, shell=True, cwd=entry["directory"], stderr=subprocess.PIPE, text=True)
    return "" if done.returncode == 0 else done.stderr or f"{entry['file']}: the compiler ended with {done.returncode}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path, help="build folder configured by the preset `files`")
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    entries = commands(args.build.resolve())
    bad = 0
    with ThreadPoolExecutor(args.jobs) as pool:
        waiting = [pool.submit(checked, entry) for entry in entries]
        for number, done in enumerate(as_completed(waiting), 1):
            if done.result():
                bad += 1
                print(f"\n{done.result()}", flush=True)
            if number % 50 == 0:
                print(f"files: {number} of {len(entries)}", flush=True)
    print(f"files: {len(entries) - bad} of {len(entries)} compile by themselves")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
