#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Converts the two files that OpenCV publishes for BRISQUE to the one that gamut's reward `brisque` reads.

    python3 scripts/convert_brisque.py brisque_model_live.yml brisque_range_live.yml brisque.safetensors

Reads what cv::FileStorage writes (Debian's package opencv-data has both files in /usr/share/opencv4/quality): a support-vector
regression (EPS_SVR or NU_SVR) with an RBF kernel on 36 variables, and the matrix `range` [2, 36]. Needs nothing but Python.
"""
import argparse
import array
import json
import math
import pathlib
import re
import struct
import sys

FEATURES = 36
NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"


class Mistake(Exception):
    pass


def value(text, key, pattern):
    found = re.findall(rf"^[ \-]*{key}: *({pattern})[ \r]*$", text, re.MULTILINE)
    if len(found) != 1:
        raise Mistake(f"'{key}' must stand there once, as {pattern}; got {len(found)}")
    return found[0]


def numbers(text, what, count):
    items = [item.strip() for item in text.split(",")]
    if len(items) != count or not all(re.fullmatch(NUMBER, item) for item in items):
        raise Mistake(f"{what} must be a list of {count} numbers; got {len(items)} items")
    return [float(item) for item in items]


def listed(text, key, count):
    found = re.findall(rf"^[ \-]*{key}: *\[([^\[\]]*)\]", text, re.MULTILINE)
    if len(found) != 1:
        raise Mistake(f"'{key}' must stand there once, as a list in brackets; got {len(found)}")
    return numbers(found[0], f"'{key}'", count)


def read_range(text):
    if (value(text, "rows", r"\d+"), value(text, "cols", r"\d+")) != ("2", str(FEATURES)):
        raise Mistake(f"'range' must be a matrix of 2 x {FEATURES}")
    return listed(text, "data", 2 * FEATURES)


def read_regression(text):
    """Vectors, one weight each, gamma and rho."""
    value(text, "svmType", "EPS_SVR|NU_SVR")
    value(text, "type", "RBF")
    value(text, "var_count", str(FEATURES))
    total, count = int(value(text, "sv_total", r"\d+")), int(value(text, "sv_count", r"\d+"))
    body = text.split("support_vectors:", 1)[-1].split("decision_functions:", 1)[0]
    rows = re.findall(r"^ *- *\[([^\[\]]*)\]", body, re.MULTILINE)
    if len(rows) != total or total == 0:
        raise Mistake(f"'support_vectors' must hold {total} lists, and at least one; got {len(rows)}")
    vectors = [number for row in rows for number in numbers(row, "a support vector", FEATURES)]
    alpha = listed(text, "alpha", count)
    # A regression's file leaves the index out where it is 0, 1, 2, …
    index = listed(text, "index", count) if re.search(r"^[ \-]*index:", text, re.MULTILINE) else list(range(total))
    if len(index) != count or not all(number in range(total) for number in index):
        raise Mistake(f"'index' must name {count} of the {total} support vectors")
    weights = [0.0] * total
    for place, weight in zip(index, alpha):
        weights[int(place)] += weight
    return vectors, weights, float(value(text, "gamma", NUMBER)), float(value(text, "rho", NUMBER))


def write_safetensors(path, tensors):
    """Name to (shape, numbers), in double precision."""
    header, data = {}, b""
    for name, (shape, values) in sorted(tensors.items()):
        if not all(map(math.isfinite, values)):
            raise Mistake(f"'{name}' holds numbers that are not finite")
        packed = array.array("d", values)
        if sys.byteorder == "big":
            packed.byteswap()
        header[name] = {"dtype": "F64", "shape": shape, "data_offsets": [len(data), len(data) + 8 * len(values)]}
        data += packed.tobytes()
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def parsed(path, read):
    try:
        text = path.read_text(encoding="utf-8")
        if not text.startswith("%YAML"):
            raise Mistake("a file of OpenCV's begins with %YAML; is it another one?")
        return read(text)
    except (OSError, ValueError, Mistake) as mistake:
        sys.exit(f"convert_brisque: {path}: {mistake}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("model", "range", "target"):
        parser.add_argument(name, type=pathlib.Path)
    options = parser.parse_args()
    vectors, weights, gamma, rho = parsed(options.model, read_regression)
    bounds = parsed(options.range, read_range)
    try:
        write_safetensors(options.target, {"range": ([2, FEATURES], bounds), "support_vectors": ([len(weights), FEATURES], vectors),
                                           "weights": ([len(weights)], weights), "gamma": ([1], [gamma]), "rho": ([1], [rho])})
    except (OSError, Mistake) as mistake:
        sys.exit(f"convert_brisque: {options.target}: {mistake}")
    print(f"{options.target}: {len(weights)} support vectors")


if __name__ == "__main__":
    main()
