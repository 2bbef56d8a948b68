# SPDX-License-Identifier: Apache-2.0
"""Values of torch, NumPy or plain lists as tensors."""
import torch


def tensor(value):
    """None stays None; a tensor stays as it is, without its graph; anything else as torch.as_tensor takes it."""
    if value is None:
        return None
    return value.detach() if isinstance(value, torch.Tensor) else torch.as_tensor(value)


def numbers(value):
    """A list of floats."""
    return value.detach().double().cpu().tolist() if isinstance(value, torch.Tensor) else [float(x) for x in value]
