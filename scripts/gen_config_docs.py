#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/config.md from what the program itself says about every key of a fine-tuning recipe.

    python3 scripts/gen_config_docs.py [--program build/gamut] [--check]

--check writes nothing and fails when the page is stale. Key, rule, default and help stand once, in fields() of the
struct that owns them.
"""
import argparse
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
RECIPE = "recipes/glyphs/flow_grpo.toml"
PAGE = ROOT / "docs/config.md"

OPENING = """\
# Keys of a fine-tuning recipe

<!-- Written by scripts/gen_config_docs.py (`make docs`); do not edit. -->

A recipe is a TOML file; `gamut train RECIPE --set key=value` overrides single keys. Precedence, low to high: the
struct's default, the slots of the named `algorithm`, `extends` from left to right, the recipe file, `--set` in
order. The value of `--set` is TOML; text that is no TOML is taken as a string, so `--set sampler.kind=ode` works.
Unknown keys, wrong types and values outside their rule are errors, all reported at once with file, line and column.

`extends` (a path or a list of paths, relative to the file that names it) merges other recipes first.

The defaults below are those of `algorithm = "flow_grpo"`. `gamut explain config RECIPE` shows what a recipe resolves
to, each value with the file and line it came from.
"""


def rows_of(program):
    command = [str(program), "explain", "config", RECIPE, "--json"]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


def cell(text):
    return text.replace("|", "\\|")


def page(rows):
    tables = {}
    for row in rows:
        table, _, _ = row["key"].rpartition(".")
        tables.setdefault(table, []).append(row)
    text = OPENING
    for table, members in tables.items():
        text += f"\n## {f'[{table}]' if table else 'Top level'}\n\n"
        text += "| key | default | rule | meaning |\n|---|---|---|---|\n"
        for row in members:
            rule = f"`{cell(row['rule'])}`" if row["rule"] else "any"
            text += (f"| `{row['key']}` | `{cell(row['default'])}` | {rule} "
                     f"| {cell(row['help'])} |\n")
    return text


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "build/gamut")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    text = page(rows_of(options.program.resolve()))
    if not options.check:
        PAGE.write_text(text)
    elif not PAGE.exists() or PAGE.read_text() != text:
        sys.exit("docs/config.md is stale; run: make docs")


main()
