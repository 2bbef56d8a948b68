#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints how long files and functions are, against the aims of docs/style.md; it never fails.

Functions are found by counting braces, so the numbers are close, not exact; lambdas belong to their function.
"""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[1]
NOISE = re.compile(r'//[^\n]*|/\*.*?\*/|R"\((.*?)\)"|"(\\.|[^"\\\n])*"|\'(\\.|[^\'\\\n])+\'', re.S)
NO_FUNCTION = re.compile(r"^\s*(namespace|class|struct|enum|union|if|for|while|switch|do|else|try)\b|=\s*$")
TEMPLATE = re.compile(r"^\s*template\s*<[^{};]*?>\s*(?=\w)")
NAME = re.compile(r"([~\w:]+|operator\W+)\s*\(")


def functions(text):
    """(name, first line, lines, parameters) of each outermost block that follows a parameter list."""
    text = NOISE.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)
    text = re.sub(r"(?m)^\s*#.*(\\\n.*)*", lambda m: re.sub(r"[^\n]", " ", m.group()), text)
    depth, start, opened = 0, 0, None
    for i, char in enumerate(text):
        if char == "{":
            depth += 1
            head = TEMPLATE.sub("", text[start:i])
            if opened is None and ")" in head and not NO_FUNCTION.search(head):
                opened = (depth, start + len(text[start:i]) - len(text[start:i].lstrip()), head)
        elif char == "}":
            if opened is not None and depth == opened[0]:
                first, last = text.count("\n", 0, opened[1]) + 1, text.count("\n", 0, i) + 1
                name = NAME.search(opened[2])
                yield name.group(1) if name else "?", first, last - first + 1, parameters(opened[2])
                opened = None
            depth -= 1
        if char in ";{}" and opened is None:
            start = i + 1


def parameters(head):
    """Commas at the outermost level of the first parameter list, plus one."""
    level, count, seen = 0, 1, False
    for char in head[head.find("(") + 1:]:
        level += (char in "(<{[") - (char in ")>}]")
        if level < 0:
            break
        seen = seen or not char.isspace()
        count += char == "," and level == 0
    return count if seen else 0


def percentile(sorted_values, share):
    return sorted_values[min(len(sorted_values) - 1, int(share * len(sorted_values)))] if sorted_values else 0


def report(title, aim, items):
    values = sorted(size for size, _ in items)
    median, p95 = percentile(values, 0.5), percentile(values, 0.95)
    most = max(values, default=0)
    print(f"{title:<11} {len(values):>5}   median {median:>4}   p95 {p95:>4}   longest {most:>4}   {aim}")


def longest(title, items, count=10):
    print(f"\n{title}")
    for size, place in sorted(items, key=lambda item: (-item[0], item[1]))[:count]:
        print(f"  {size:>4}  {place}")


def main():
    sources, headers, bodies, arguments = [], [], [], []
    for path in sorted((ROOT / "src").rglob("*")):
        if path.suffix not in (".h", ".cpp"):
            continue
        text, place = path.read_text(), path.relative_to(ROOT).as_posix()
        (headers if path.suffix == ".h" else sources).append((text.count("\n"), place))
        for name, line, lines, count in functions(text):
            bodies.append((lines, f"{place}:{line} {name}"))
            arguments.append((count, f"{place}:{line} {name}"))
    report("sources", "aim: median <= 150, p95 <= 450, hard 700", sources)
    report("headers", "aim: p95 <= 250, hard 400", headers)
    report("functions", "aim: median <= 12, p95 <= 45, hard 80", bodies)
    report("parameters", "aim: at most 4, hard 6", arguments)
    longest("longest files", sources + headers)
    longest("longest functions", bodies)
    longest("most parameters", [item for item in arguments if item[0] > 4])


if __name__ == "__main__":
    main()
