#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/config.md from what the program itself says about every key of a recipe.

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
# Any recipe of a kind tells all keys of that kind; only keys, defaults, rules and help are taken from it.
KINDS = {
    "Fine-tuning: `gamut train`": "recipes/glyphs/flow_grpo.toml",
    "A new base: `gamut pretrain` with `task = \"base\"`": "recipes/glyphs/base.toml",
    "A new CLIP: `gamut pretrain` with `task = \"clip\"`": "recipes/glyphs/clip.toml",
    "A new reader: `gamut pretrain` with `task = \"reader\"`": "recipes/glyphs/reader.toml",
}
PAGE = ROOT / "docs/config.md"

OPENING = """\
# Keys of recipes

<!-- Written by scripts/gen_config_docs.py (`make docs`); do not edit. -->

A recipe is a TOML file; `gamut train RECIPE --set key=value` overrides single keys. Precedence, low to high: the
struct's default, the slots of the named `algorithm`, `extends` from left to right, the recipe file, `--set` in
order. The value of `--set` is TOML; text that is no TOML is taken as a string, so `--set sampler.kind=ode` works.
Unknown keys, wrong types and values outside their rule are errors, all reported at once with file, line and column.

`extends` (a path or a list of paths, relative to the file that names it) merges other recipes first.

Where the rule is `a path`, a relative name is looked for beside the file that writes it, then in gamut's data, then in the
current folder; one given by `--set` in the current folder first ([Install](install.md#from-any-folder)).

The keys of a sweep are on [its own page](sweep.md).

`gamut explain config RECIPE` shows what a recipe resolves to, each value with the file and line it came from. The
defaults for fine-tuning are those of `algorithm = "flow_grpo"`.
"""


def rows_of(program, recipe):
    command = [str(program), "explain", "config", recipe, "--json"]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


def cell(text):
    return text.replace("|", "\\|")


def section(title, rows):
    tables = {}
    for row in rows:
        table, _, _ = row["key"].rpartition(".")
        tables.setdefault(table, []).append(row)
    text = f"\n## {title}\n"
    for table, members in tables.items():
        text += f"\n### {f'[{table}]' if table else 'Top level'}\n\n"
        text += "| key | default | rule | meaning |\n|---|---|---|---|\n"
        for row in members:
            rule = f"`{cell(row['rule'])}`" if row["rule"] else "any"
            text += f"| `{row['key']}` | `{cell(row['default'])}` | {rule} | {cell(row['help'])} |\n"
    return text


def page(program):
    return OPENING + "".join(section(title, rows_of(program, recipe)) for title, recipe in KINDS.items())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "build/gamut")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    text = page(options.program.resolve())
    if not options.check:
        PAGE.write_text(text)
    elif not PAGE.exists() or PAGE.read_text() != text:
        sys.exit("docs/config.md is stale; run: make docs")


main()
