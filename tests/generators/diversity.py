# SPDX-License-Identifier: Apache-2.0
"""Writes tests/diversity/fixtures/measures.json: pixel measures and Vendi scores by NumPy and scikit-learn.

Made with numpy 2, scikit-learn 1.9. Run: python tests/generators/diversity.py
"""
import json
import pathlib

import numpy as np
from sklearn.metrics import pairwise_distances
from sklearn.metrics.pairwise import cosine_similarity

PATH = pathlib.Path(__file__).parents[1] / "diversity/fixtures/measures.json"
ORDERS = [0.5, 1.0, 2.0, 4.0, float("inf")]


def vendi(kernel, q):
    """Equations 1 and 2 of Pasarkar and Dieng, arXiv:2310.12952, in double precision."""
    values = np.linalg.eigvalsh(kernel / len(kernel))
    values = values[values > 1e-12]
    if q == 1:
        return np.exp(-(values * np.log(values)).sum())
    return 1 / values.max() if np.isinf(q) else (values ** q).sum() ** (1 / (1 - q))


def vendi_case(features):
    kernel = cosine_similarity(features)
    return {"features": features.tolist(), "kernel": kernel.tolist(),
            "scores": [[str(q), vendi(kernel, q)] for q in ORDERS]}


def alternating_share(picture):
    """Separable Haar filters over all windows, as slices."""
    x = picture - picture.mean((0, 1))
    low, high = x[:, :-1] + x[:, 1:], x[:, :-1] - x[:, 1:]
    bands = [low[:-1] + low[1:], low[:-1] - low[1:], high[:-1] + high[1:], high[:-1] - high[1:]]
    energy = [(b ** 2).sum() for b in bands]
    return 1 - energy[0] / sum(energy)


def pixel_case(rng, count=5, width=7, height=6):
    images = rng.integers(0, 256, (count, height, width, 3))
    x = images / 255
    distances = pairwise_distances(x.reshape(count, -1)) / np.sqrt(x[0].size)
    return {"width": width, "height": height, "images": images.reshape(count, -1).tolist(),
            "color_spread": x.mean((1, 2)).std(0).mean(),
            "pairwise_distance": distances[np.triu_indices(count, 1)].mean(),
            "high_frequency_energy": np.mean([alternating_share(p) for p in x])}


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    clusters = rng.normal(size=(3, 6))[rng.integers(0, 3, 12)] + 0.1 * rng.normal(size=(12, 6))
    cases = {"vendi": [vendi_case(np.round(rng.normal(size=(12, 6)), 3)), vendi_case(np.round(clusters, 3)),
                       vendi_case(np.round(rng.normal(size=(4, 9)), 3))],
             "pixels": pixel_case(rng)}
    PATH.write_text(json.dumps(cases) + "\n")
