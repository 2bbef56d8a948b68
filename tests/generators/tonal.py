#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the PVS (DivGenBench, arXiv 2512.24146) of 20 pictures of a formula, which tests/diversity/tonal_test.cpp holds.

    python tests/generators/tonal.py        # numpy 2, Python's colorsys
"""
import colorsys

import numpy as np


def tones(picture):
    """Mean saturation, mean value, standard deviation of gray of [3, H, W] in [0, 1]."""
    pixels = picture.reshape(3, -1).T
    hsv = np.array([colorsys.rgb_to_hsv(*pixel) for pixel in pixels])
    return hsv[:, 1].mean(), hsv[:, 2].mean(), (pixels @ np.array([0.299, 0.587, 0.114])).std()


i = np.arange(3 * 6 * 5)
pictures = [((i * (7 * b + 3) + i * i * (b % 5)) % 256 / 255).reshape(3, 6, 5) for b in range(20)]
print(repr(float(np.array([tones(picture) for picture in pictures]).std(axis=0).sum())))
