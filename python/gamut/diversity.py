# SPDX-License-Identifier: Apache-2.0
"""Measures of variety within one group of n pictures, in double precision: what gamut's training and evaluation compute.

A group is given by exactly one of
    features   [n, d]: their cosine gives the kernel, 1 - cosine the distances
    distances  [n, n], keyword: the kernel is 1 - distances
    kernel     [n, n] with ones on the diagonal, keyword: the distances are 1 - kernel
as torch tensors on any device, NumPy arrays or nested lists. gamut.DataError for what is none: another shape, not finite,
not symmetric. Formulas: docs/metrics.md.
"""
import torch

from . import _gamut
from ._tensors import tensor as _tensor

_part = _gamut.diversity


def _group(features, distances, kernel):
    return {"features": _tensor(features), "distances": _tensor(distances), "kernel": _tensor(kernel)}


def vendi(features=None, q=1.0, *, distances=None, kernel=None):
    """Vendi score of order q in [1, n]: exp of the entropy of the eigenvalues of kernel / n (arXiv 2210.02410, 2310.12952)."""
    return _part.vendi(q=q, **_group(features, distances, kernel))


def rke(features=None, *, distances=None, kernel=None):
    """1 / sum (kernel / n)^2 in [1, n]: Renyi kernel entropy as a count, Vendi of order 2."""
    return _part.rke(**_group(features, distances, kernel))


def pairwise(features=None, *, distances=None, kernel=None):
    """Mean distance over the pairs of the group; 0 for one member."""
    return _part.pairwise(**_group(features, distances, kernel))


def nearest(features=None, *, distances=None, kernel=None):
    """Mean distance to the nearest other member; 0 for one member."""
    return _part.nearest(**_group(features, distances, kernel))


def clusters(features=None, *, distances=None, kernel=None, **options):
    """A label per member, 0, 1, … by first appearance: DiverseGRPO's spectral clustering (arXiv 2512.21514).

    options: clusters ("eigengap" or a number), sigma ("quantile", "median", "self_tuning" or a number), sigma_q, as in
    [shaping] of a recipe (docs/config.md).
    """
    return _part.clusters(**_group(features, distances, kernel), **options)


def recall(generated, reference):
    """Image retrieval score of features [n, d] against reference features [N, d] (arXiv 2411.16171), as a dict:

    hits (reference rows that are somebody's nearest), reach (how many endless draws would hit), alpha = n / N,
    irs_alpha = hits / N, irs_infinity = reach / N.
    """
    return _part.recall(_tensor(generated), _tensor(reference))


def color_spread(pictures):
    """Standard deviation of a picture's mean color over pictures [n, 3, H, W] in [0, 1], averaged over the channels."""
    return _part.color_spread(_tensor(pictures))


def pvs(pictures):
    """PVS of pictures [n, 3, H, W] in [0, 1]: std of mean saturation + of mean value + of the gray's std (arXiv 2512.24146)."""
    pictures = _tensor(pictures)
    return _part.pvs(pictures if pictures.dtype == torch.float32 else pictures.float())
