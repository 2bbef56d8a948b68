# SPDX-License-Identifier: Apache-2.0
"""Values of torch, NumPy or plain lists as tensors."""
import torch


def tensor(value):
    """None stays None; a tensor stays as it is, without its graph; arrays keep their type, lists become double."""
    if value is None:
        return None
    if isinstance(value, torch.Tensor):
        return value.detach()
    return torch.as_tensor(value) if hasattr(value, "__array__") else torch.as_tensor(value, dtype=torch.float64)


def numbers(value):
    """A list of floats."""
    return value.detach().double().cpu().tolist() if isinstance(value, torch.Tensor) else [float(x) for x in value]
