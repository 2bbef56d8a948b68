#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the pages to the repository; else exit 1 with file:line.

  - relative links resolve, and so do their #fragments
  - paths in backticks below the folders in FOLDERS exist; `*` may match several, `<…>` is a placeholder
  - every key of metrics.jsonl and evals.jsonl opens a row of docs/metrics.md, and nothing else does
  - every page of docs/ is reached from README.md or another page
  - README.md has fewer than 200 lines
"""
import pathlib
import re
import sys

ROOT = pathlib.Path((sys.argv + [pathlib.Path(__file__).resolve().parents[1]])[1]).resolve()
FOLDERS = ("src/", "recipes/", "docs/", "scripts/", "tests/", "models/", "cmake/", "bench/", "examples/")
README_LINES = 200
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
METRIC_SOURCES = {
    "src/gamut/train/report.cpp": r'(?:\{|add\()"(\w+)", \w+[})]',
    "src/gamut/eval/evaluation_row.cpp": r'(?:visit\(|row\[)"(\w+)"',
    "src/gamut/eval/measures.cpp": r'\{\.key = "(\w+)"',
    "src/gamut/tasks/glyphs/color_measures.cpp": r'\{\.key = "(\w+)"',
    "src/gamut/tasks/glyphs/form_measures.cpp": r'\{\.key = "(\w+)"',
    "src/gamut/run/train_evaluation.cpp": r'row(?:\{|\.update\()\{\{?"(\w+)", [\w.]+\}, \{"(\w+)"',
    "src/gamut/train/pretrain_loop.cpp": r'append\(\{\{"(\w+)", done\}, \{"(\w+)"',
    "src/gamut/tasks/glyphs/pretrain_clip.cpp": r'append\(\{\{"step", config.steps\}, \{"(\w+)"',
}


def pages():
    tops = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    return [path for path in tops if path.exists()] + sorted((ROOT / "docs").rglob("*.md"))


def prose(path):
    """(line number, text) outside fenced blocks."""
    fenced = False
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            yield number, line


def anchors(path):
    """The fragments that a page's headings get."""
    heads = [line.lstrip("#").strip() for _, line in prose(path) if line.startswith("#")]
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def links(path):
    """(line number, fragment, target) of each relative link."""
    for number, line in prose(path):
        for target in LINK.findall(line):
            if "://" not in target and not target.startswith("mailto:"):
                name, _, fragment = target.partition("#")
                yield number, fragment, (path.parent / name).resolve() if name else path


def check_links(path):
    for number, fragment, target in links(path):
        if not target.exists():
            yield path, number, f"links to {target.relative_to(ROOT)}, which does not exist"
        elif fragment and target.suffix == ".md" and fragment not in anchors(target):
            yield path, number, f"links to #{fragment}, which is no heading of {target.relative_to(ROOT)}"


def check_paths(path):
    for number, line in prose(path):
        for code in CODE.findall(line):
            for word in code.split():
                word = word.rstrip(".,;:").split("=")[-1]
                is_path = word.startswith(FOLDERS) and not re.search(r"[<>{}…$]", word)
                if is_path and not any(ROOT.glob(word.rstrip("/"))):
                    yield path, number, f"names `{word}`, which does not exist"


def written_metrics():
    keys = set()
    for name, pattern in METRIC_SOURCES.items():
        found = {key for match in re.finditer(pattern, (ROOT / name).read_text()) for key in match.groups()}
        if not found:
            yield ROOT / name, 1, "no metric was found here; has the code changed? adapt METRIC_SOURCES"
        keys |= found
    page, documented = ROOT / "docs/metrics.md", {}
    for number, line in prose(page):
        match = re.match(r"\| `(\w+)` \|", line)
        if match:
            documented.setdefault(match.group(1), number)
    for key in sorted(keys - documented.keys()):
        yield page, 1, f"lacks a row for `{key}`"
    for key in sorted(documented.keys() - keys):
        yield page, documented[key], f"documents `{key}`, which nothing writes"


def unreached_pages():
    reached = {target for path in pages() for _, _, target in links(path)}
    for path in sorted((ROOT / "docs").rglob("*.md")):
        if path.resolve() not in reached:
            yield path, 1, "is linked from no other page"


def check_readme():
    count = len((ROOT / "README.md").read_text().splitlines())
    if count >= README_LINES:
        yield ROOT / "README.md", count, f"has {count} lines; expected fewer than {README_LINES}"


def main():
    problems = [*check_readme(), *written_metrics(), *unreached_pages()]
    for path in pages():
        problems += [*check_links(path), *check_paths(path)]
    for path, line, problem in problems:
        print(f"{path.relative_to(ROOT)}:{line}: {problem}")
    sys.exit(1 if problems else 0)


main()
