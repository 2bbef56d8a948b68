# SPDX-License-Identifier: Apache-2.0
"""Writes tests/diversity/fixtures/clusters.json: spectral clusters by scikit-learn, their parts by NumPy, and the
reach of the image retrieval score by exact integers.

Made with numpy 2, scikit-learn 1.9. Run: python tests/generators/clusters.py
"""
import json
import pathlib
import warnings
from fractions import Fraction

import numpy as np
from sklearn.cluster import KMeans, SpectralClustering
from sklearn.metrics import pairwise_distances

PATH = pathlib.Path(__file__).parents[1] / "diversity/fixtures/clusters.json"


def affinity(d, sigma):
    pairs = d[np.triu_indices(len(d), 1)]
    if sigma == "self_tuning":
        s = np.sort(d, axis=1)[:, min(7, len(d) - 1)]
        return np.exp(-d ** 2 / np.outer(s, s))
    s = max(np.quantile(pairs, 0.10) if sigma == "quantile" else np.median(pairs), 1e-3)
    return np.exp(-d ** 2 / (2 * s ** 2))


def normalized(a, self_affinity):
    a = a if self_affinity else a - np.diag(np.diag(a))
    degree = a.sum(1)
    return a / np.sqrt(np.outer(degree, degree)), degree


def eigengap(values):
    n = len(values)
    k_max = min(8, max(2, n // 3))
    return int(np.argmax(values[:k_max] - values[1:k_max + 1])) + 1


def by_scikit_learn(a, k):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "Graph is not fully connected": it is, by affinities below 1e-16
        return SpectralClustering(k, affinity="precomputed", random_state=0, n_init=10).fit_predict(a)


def by_hand(a, rows, k=None):
    m, degree = normalized(a, True)
    values, u = np.linalg.eigh(m)
    values, u = values[::-1], u[:, ::-1]
    k = k or eigengap(values)
    y = {"degree": u[:, :k] / np.sqrt(degree)[:, None], "raw": u[:, :k],
         "unit": u[:, :k] / np.linalg.norm(u[:, :k], axis=1, keepdims=True)}[rows]
    return KMeans(k, n_init=50, random_state=0).fit_predict(y)


def cluster_case(rng, sizes, width, sigma, metric):
    centers = 4 * np.linalg.qr(rng.normal(size=(width, width)))[0][:len(sizes)]
    truth = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    features = np.round(centers[truth] + 0.35 * rng.normal(size=(len(truth), width)), 3)
    d = pairwise_distances(features, metric=metric)
    np.fill_diagonal(d, 0)
    a = affinity(d, sigma)
    k = len(sizes)
    values = [np.linalg.eigvalsh(normalized(a, own)[0])[::-1] for own in (True, False)]
    return {"features": features.tolist(), "metric": metric, "sigma": sigma, "clusters": k, "truth": truth.tolist(),
            "distance_sum": d.sum(), "affinity_rows": a.sum(1).tolist(), "eigengap": eigengap(values[0]),
            "spectrum": values[0].tolist(), "spectrum_without_self": values[1].tolist(),
            "scikit_learn": by_scikit_learn(a, k).tolist(),
            "by_eigengap": by_hand(a, "degree").tolist(),
            "rows": {rows: by_hand(a, rows, k).tolist() for rows in ("degree", "raw", "unit")}}


def stirling(n, k):
    """Second kind, exact."""
    row = [1] + [0] * k
    for _ in range(n):
        row = [0] + [row[j - 1] + j * row[j] for j in range(1, k + 1)]
    return row[k]


def likelihood(s, hits, draws):
    falling = 1
    for i in range(hits):
        falling *= s - i
    return Fraction(stirling(draws, hits) * falling, s ** draws)


def retrieval_case(hits, draws, total):
    values = [likelihood(s, hits, draws) for s in range(hits, total + 1)]
    return {"hits": hits, "draws": draws, "total": total, "reach": hits + values.index(max(values)),
            "probability": float(max(values))}


if __name__ == "__main__":
    rng = np.random.default_rng(1)
    cases = {"clusters": [cluster_case(rng, (18, 6), 4, "quantile", "euclidean"),
                          cluster_case(rng, (12, 8, 4), 4, "quantile", "cosine"),
                          cluster_case(rng, (4, 11, 3), 4, "median", "euclidean"),
                          cluster_case(rng, (10, 5, 5, 4), 5, "median", "cosine"),
                          cluster_case(rng, (8, 16), 3, "self_tuning", "euclidean"),
                          cluster_case(rng, (6, 3, 9, 4, 8), 6, "quantile", "cosine")],
             "retrieval": [retrieval_case(*c) for c in [(1, 5, 9), (4, 5, 40), (7, 12, 60), (12, 12, 50), (10, 40, 30),
                                                        (18, 20, 120), (18, 20, 60), (29, 30, 200)]]}
    PATH.write_text(json.dumps(cases) + "\n")
