# SPDX-License-Identifier: Apache-2.0
from typing import Any, Optional, Sequence, Union, overload

import numpy
import torch

_Matrix = Union[torch.Tensor, numpy.ndarray[Any, Any], Sequence[Sequence[float]]]
_Numbers = Union[torch.Tensor, numpy.ndarray[Any, Any], Sequence[float]]
_Key = Union[bool, int, float, str, Sequence[Union[int, float, str]]]

def cluster_bonus(
    labels: Optional[_Numbers] = ..., *, features: Optional[_Matrix] = ..., distances: Optional[_Matrix] = ..., **keys: _Key
) -> list[float]: ...
def pairwise_potential(
    rewards: _Numbers,
    *,
    features: Optional[_Matrix] = ...,
    distances: Optional[_Matrix] = ...,
    steps: int = ...,
    **keys: _Key,
) -> list[float]: ...
def subset(rewards: _Numbers, keep: int, kind: str = ..., *, seed: int = ..., **keys: _Key) -> list[int]: ...
@overload
def advantages(
    rewards: Sequence[float], *, features: Optional[_Matrix] = ..., kind: str = ..., **keys: _Key
) -> list[float]: ...
@overload
def advantages(
    rewards: Sequence[_Numbers], *, features: Optional[Sequence[_Matrix]] = ..., kind: str = ..., **keys: _Key
) -> list[list[float]]: ...
@overload
def advantages(rewards: _Numbers, *, features: Any = ..., kind: str = ..., **keys: _Key) -> Any: ...
