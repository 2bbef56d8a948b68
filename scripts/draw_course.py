#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws how reward and variety move together: a panel per measure, a line per method, a dot per checkpoint, as SVG.

    python3 scripts/draw_course.py recipes/glyphs/sweeps/protocol.jsonl --out docs/images/protocol.svg [--check]

Across: the mean reward over seeds; up: the measure's mean, as a share of the base's. Of the averaged weights, on the
seed that is reported. A method with fewer seeds than the others says so in the legend.
"""
import argparse
import json
import sys
from html import escape
from pathlib import Path

# Okabe and Ito's colors, told apart by color-blind readers too; gamut's first.
COLORS = ["#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7F7F7F", "#8C564B", "#17BECF",
          "#9467BD", "#BCBD22", "#2CA02C"]
MEASURES = ["judge_exact", "face_modes", "style_modes", "color_spread", "feature_distance", "recall"]
TITLES = {"judge_exact": "judge, exact", "face_modes": "face modes", "style_modes": "style modes",
          "color_spread": "color spread", "feature_distance": "CLIP distance", "recall": "recall of the base"}
WIDTH, HEIGHT, COLUMNS, MARGIN = 300, 210, 3, 44
REWARDS = (0.65, 1.0)


def reported(path):
    """{method: {step: its seeds' rows}} of the trained prompts."""
    courses = {}
    for row in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
        if (row["role"], row["set"]) == ("report", "prompts") and row["weights"] in ("base", "ema"):
            courses.setdefault(row["recipe"], {}).setdefault(row["step"], []).append(row)
    return courses


def mean(rows, measure):
    return sum(row[measure] for row in rows) / len(rows)


class Panel:
    def __init__(self, index, measure, courses):
        self.measure = measure
        self.base = mean([row for steps in courses.values() for row in steps[0]], measure)
        self.lines = {method: [(mean(rows, "reward"), mean(rows, measure) / self.base)
                               for _, rows in sorted(steps.items())] for method, steps in courses.items()}
        self.left, self.top = (index % COLUMNS) * WIDTH + MARGIN, (index // COLUMNS) * HEIGHT + 28
        self.across, self.down = WIDTH - MARGIN - 14, HEIGHT - 58
        self.highest = 0.1 + max(share for points in self.lines.values() for _, share in points)

    def x(self, reward):
        return self.left + (reward - REWARDS[0]) / (REWARDS[1] - REWARDS[0]) * self.across

    def y(self, share):
        return self.top + (1 - share / self.highest) * self.down

    def frame(self):
        marks = [f'<text x="{self.left}" y="{self.top - 8}" class="title">{TITLES[self.measure]} '
                 f'(base: {self.base:.3g})</text>']
        for share in [step / 4 for step in range(int(self.highest * 4) + 1)]:
            marks.append(f'<line x1="{self.left}" x2="{self.left + self.across}" y1="{self.y(share):.1f}" '
                         f'y2="{self.y(share):.1f}" class="{"base" if share == 1 else "grid"}"/>')
            marks.append(f'<text x="{self.left - 6}" y="{self.y(share) + 4:.1f}" class="y">{share:g}</text>')
        for reward in (0.7, 0.8, 0.9, 1.0):
            marks.append(f'<text x="{self.x(reward):.1f}" y="{self.top + self.down + 15}" class="x">{reward:g}</text>')
        return marks

    def line(self, method, color):
        at = [(f"{self.x(reward):.1f}", f"{self.y(share):.1f}") for reward, share in self.lines[method]]
        path = " ".join(",".join(point) for point in at)
        dots = [f'<circle cx="{x}" cy="{y}" r="2.4" fill="{color}"/>' for x, y in at]
        return [f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.6"/>', *dots]


def legend(courses, colors, top):
    marks, x = [], MARGIN
    most = max(len(steps[0]) for steps in courses.values())
    for method, color in colors.items():
        seeds = len(courses[method][0])
        text = method if seeds == most else f"{method} ({seeds} seed{'s' * (seeds > 1)})"
        if x + 30 + 7 * len(text) > COLUMNS * WIDTH:
            x, top = MARGIN, top + 18
        marks.append(f'<rect x="{x}" y="{top - 9}" width="12" height="9" fill="{color}"/>')
        marks.append(f'<text x="{x + 17}" y="{top}">{escape(text)}</text>')
        x += 30 + 7 * len(text)
    marks.append(f'<text x="{MARGIN}" y="{top + 20}">across: mean reward; up: share of the base\'s; a dot per checkpoint, the '
                 'last after 160 iterations</text>')
    return marks, top + 20


def drawing(courses):
    colors = dict(zip(sorted(courses, key=lambda name: (not name.startswith("gamut"), name)), COLORS))
    marks, bottom = legend(courses, colors, (len(MEASURES) + COLUMNS - 1) // COLUMNS * HEIGHT + 24)
    for index, measure in enumerate(MEASURES):
        panel = Panel(index, measure, courses)
        marks += panel.frame()
        for method, color in colors.items():
            marks += panel.line(method, color)
    style = ("text{font:11px sans-serif;fill:#333}.title{font-weight:bold}.x{text-anchor:middle}.y{text-anchor:end}"
             ".grid{stroke:#e4e4e4}.base{stroke:#999;stroke-dasharray:4 3}")
    size = f'width="{COLUMNS * WIDTH}" height="{bottom + 12}" viewBox="0 0 {COLUMNS * WIDTH} {bottom + 12}"'
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" {size}>', f"<style>{style}</style>",
                      '<rect width="100%" height="100%" fill="#fff"/>', *marks, "</svg>", ""])


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("rows", type=Path, help="rows of runs by one protocol")
    arguments.add_argument("--out", type=Path, required=True)
    arguments.add_argument("--check", action="store_true", help="write nothing, fail where --out is another drawing")
    options = arguments.parse_args()
    drawn = drawing(reported(options.rows))
    if not options.check:
        options.out.write_text(drawn, encoding="utf-8")
    elif drawn != options.out.read_text(encoding="utf-8"):
        sys.exit(f"{options.out} is not drawn from {options.rows}; run this again without --check")


if __name__ == "__main__":
    main()
