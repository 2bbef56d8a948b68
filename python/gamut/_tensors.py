# SPDX-License-Identifier: Apache-2.0
"""Values of torch, NumPy or plain lists as tensors."""
import torch

from ._gamut import DataError


def tensor(value):
    """None stays None; a tensor stays as it is, without its graph; arrays keep their type, lists become double."""
    if value is None:
        return None
    if isinstance(value, torch.Tensor):
        return value.detach()
    return torch.as_tensor(value) if hasattr(value, "__array__") else torch.as_tensor(value, dtype=torch.float64)


def numbers(value, what="rewards"):
    """A list of floats; DataError for anything that is none."""
    if isinstance(value, torch.Tensor):
        return value.detach().double().cpu().tolist()
    try:
        return [float(x) for x in value]
    except (TypeError, ValueError):
        raise DataError(f"[credit] {what} must be numbers; got {value!r:.100}; leave members out that have none") from None
