#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes recipes/glyphs/variants.jsonl: captions of the glyph prompts, for rollout.variants.

    python3 scripts/make_glyph_variants.py [--check]

Colors and styles are drawn as the data's are (docs/data.md): any two named colors of enough contrast, a style as often
as it has faces; each named or not by a coin's throw, as in the base's training. The tables are the program's own.
"""
import json
import random
import re
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
SOURCE, RECIPES = PROJECT / "src/gamut/tasks/glyphs", PROJECT / "recipes/glyphs"
CAPTIONS, SEED, MIN_CONTRAST = 16, 5, 2.0  # a caption that comes twice is listed once


def named_colors():
    rows = re.findall(r'\{"([a-z ]+)", \{(\d+), (\d+), (\d+)\}\}', (SOURCE / "glyph_colors.cpp").read_text())
    return [(name, luminance([int(channel) for channel in rgb])) for name, *rgb in rows]


def styles_of_faces():
    return re.findall(r'"(sans|serif|script|display|handwriting)"\}', (SOURCE / "glyph_fonts.cpp").read_text())


def luminance(rgb):
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in (c / 255 for c in rgb)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a, b):
    return (max(a, b) + 0.05) / (min(a, b) + 0.05)


def draw_caption(rng, prompt, colors, styles):
    while True:
        (ink, ink_light), (ground, ground_light) = rng.choice(colors), rng.choice(colors)
        if ink != ground and contrast(ink_light, ground_light) >= MIN_CONTRAST:
            break
    style = rng.choice(styles)
    with_colors, with_style = rng.random() < 0.5, rng.random() < 0.5
    return prompt + (f", {ink} on {ground}" if with_colors else "") + (f", {style}" if with_style else "")


def main():
    colors, styles, rng = named_colors(), styles_of_faces(), random.Random(SEED)
    assert (len(colors), len(styles)) == (24, 55), "the tables in the source are written otherwise now"
    lines = []
    for name in ("protocol/trained.jsonl", "protocol/unseen.jsonl"):
        for line in (RECIPES / name).read_text().splitlines():
            prompt = json.loads(line)["prompt"]
            drawn = [draw_caption(rng, prompt, colors, styles) for _ in range(CAPTIONS)]
            lines.append(json.dumps({"prompt": prompt, "variants": list(dict.fromkeys(drawn))}) + "\n")
    file, text = RECIPES / "variants.jsonl", "".join(lines)
    if sys.argv[1:] != ["--check"]:
        file.write_text(text)
    elif file.read_text() != text:
        sys.exit(f"{file} is not what this script writes; run it without --check")


if __name__ == "__main__":
    main()
