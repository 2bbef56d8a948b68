# SPDX-License-Identifier: Apache-2.0
import os
from typing import Any, Callable, Mapping, NamedTuple, Optional, Sequence, Union

import torch

from . import credit as credit
from . import diversity as diversity

__all__ = ["Model", "Prompt", "credit", "diversity", "frontier", "read_run", "save_sheet", "to_pil", "train"]

class Error(RuntimeError): ...
class ConfigError(Error): ...
class DataError(Error): ...
class EnvironmentError(Error): ...
class NumericalError(Error): ...
class InternalError(Error): ...

class Prompt(NamedTuple):
    text: str
    target: str
    attributes: dict[str, str]
    metadata: dict[str, Any]

_Path = Union[str, os.PathLike[str]]
_Reward = Callable[[torch.Tensor, list[Prompt]], Union[torch.Tensor, Sequence[Optional[float]]]]
_Row = dict[str, Any]

def train(
    recipe: _Path,
    set: Optional[Mapping[str, Any]] = ...,
    reward: Optional[_Reward] = ...,
    judge: Optional[_Reward] = ...,
    run: Optional[_Path] = ...,
    resume: bool = ...,
    on_step: Optional[Callable[[_Row], Any]] = ...,
    on_evaluation: Optional[Callable[[_Row], Any]] = ...,
) -> dict[str, Any]: ...

class Model:
    def __init__(
        self, path: _Path, lora: Sequence[_Path] = ..., device: str = ..., dtype: str = ..., variant: str = ...
    ) -> None: ...
    def sample(
        self,
        prompts: Union[str, Sequence[str]],
        n: int = ...,
        steps: int = ...,
        sampler: str = ...,
        seed: int = ...,
        guidance: float = ...,
        negative: str = ...,
        height: int = ...,
        width: int = ...,
        batch: int = ...,
    ) -> torch.Tensor: ...

def to_pil(pictures: torch.Tensor) -> list[Any]: ...
def save_sheet(pictures: torch.Tensor, path: _Path, columns: int = ...) -> None: ...
def read_run(path: _Path) -> tuple[list[_Row], list[_Row]]: ...
def frontier(
    runs: Sequence[_Path], x: str = ..., y: str = ..., baseline: str = ..., interpolate: bool = ...
) -> dict[str, Any]: ...
