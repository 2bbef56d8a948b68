# SPDX-License-Identifier: Apache-2.0
"""The methods' parts for a training loop of your own: what a training iteration of gamut calls, on one prompt's group
(docs/howto/own_trainer.md; formulas: docs/algorithms/).

Further keywords are the keys of the recipe's table named at each function (docs/config.md), with its defaults. Rewards and labels are
lists, arrays or tensors; features [n, d] or distances [n, n] likewise. Results are lists of floats or of indices, one per member.
"""
from . import _gamut
from ._tensors import numbers as _numbers
from ._tensors import tensor as _tensor

_part = _gamut.credit


def cluster_bonus(labels=None, *, features=None, distances=None, **keys):
    """DiverseGRPO's creativity bonus E of each member, (N / size of its cluster)^(1/2) (arXiv 2512.21514).

    The clusters are given by labels, else found in features or distances. The shaped reward is quality_scale Q + beta E.
    Keys of [shaping]: bonus_form, gate, clusters, sigma, sigma_q.
    """
    return _part.cluster_bonus([] if labels is None else [int(label) for label in _numbers(labels, "labels")],
                               features=_tensor(features), distances=_tensor(distances), **keys)


def pairwise_potential(rewards, *, features=None, distances=None, steps=10, **keys):
    """DRIFT's shaped rewards: norm(r) + weight gamma^steps clip(norm(d), 0, d_max), d the mean distance to the others.

    A reconstruction of arXiv 2601.12401 (docs/algorithms/drift.md). Keys of [shaping]: weight, gamma, diversity, norm_r,
    norm_d, d_max, gate.
    """
    return _part.pairwise_potential(_numbers(rewards), features=_tensor(features), distances=_tensor(distances), steps=steps,
                                    **keys)


def subset(rewards, keep, kind="min_variance", *, seed=0, **keys):
    """Indices of the members that train, ascending: DRIFT's reward-concentrated subset, or another kind of [subset]."""
    return _part.subset(_numbers(rewards), keep, kind, seed=seed, **keys)


def _is_one_group(rewards):
    if hasattr(rewards, "ndim"):
        return rewards.ndim == 1
    return len(rewards) > 0 and (getattr(rewards[0], "ndim", None) == 0 or not hasattr(rewards[0], "__len__"))


def advantages(rewards, *, features=None, kind="group", **keys):
    """Advantages of one group (rewards a list of numbers) or of several (a list of lists): [advantage]'s kinds.

    features: per group, for kind = "nearest_neighbour_weight" (GARDO).
    """
    single = _is_one_group(rewards)
    groups = [_numbers(rewards)] if single else [_numbers(group) for group in rewards]
    features = [] if features is None else [_tensor(each) for each in ([features] if single else features)]
    out = _part.advantages(groups, features=features, kind=kind, **keys)
    return out[0] if single else out
