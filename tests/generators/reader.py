# SPDX-License-Identifier: Apache-2.0
"""Golden fixture of the reader: the same network written in PyTorch, with tiny widths.

    python tests/generators/reader.py              # needs torch, safetensors

Writes tests/models/fixtures/reader_tiny.safetensors: `weight.*` (all tensors before), `pictures`, `targets`,
`logits_eval`, `logits_train`, `after.*` (running statistics after one training forward) and `grad.*`
(gradients of the cross-entropy of that forward). Made with torch 2.13, fp32, one thread.
"""

import pathlib
from collections import OrderedDict

import torch
from safetensors.torch import save_file
from torch import nn

OUT = pathlib.Path(__file__).parent.parent / "models" / "fixtures" / "reader_tiny.safetensors"
CHANNELS, CLASSES, BATCH = (4, 6, 5, 7, 3), 5, 4
POOL_BEFORE = (False, True, False, True, False)


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        width = 3
        for i, channels in enumerate(CHANNELS, start=1):
            self.add_module(f"conv{i}", nn.Conv2d(width, channels, 3, padding=1, bias=False))
            self.add_module(f"norm{i}", nn.BatchNorm2d(channels))
            width = channels
        self.head = nn.Linear(width * 16, CLASSES)

    def forward(self, pictures):
        x = pictures * 2 - 1
        for i, pool in enumerate(POOL_BEFORE, start=1):
            if pool:
                x = nn.functional.max_pool2d(x, 2)
            x = getattr(self, f"norm{i}")(getattr(self, f"conv{i}")(x)).relu()
        return self.head(nn.functional.adaptive_avg_pool2d(x, 4).flatten(1))


def main():
    torch.manual_seed(3)
    torch.set_num_threads(1)
    net = Reader()
    for name, tensor in net.state_dict().items():  # nothing at its neutral start
        if "norm" in name and tensor.is_floating_point():
            tensor.copy_(torch.rand_like(tensor) + (0.5 if "weight" in name or "var" in name else -0.5))
    kept = OrderedDict((k, v.clone()) for k, v in net.state_dict().items() if "num_batches" not in k)
    tensors = {f"weight.{name}": tensor for name, tensor in kept.items()}
    tensors["pictures"] = torch.rand(BATCH, 3, 32, 32)
    tensors["targets"] = torch.softmax(torch.randn(BATCH, CLASSES), 1)
    net.eval()
    tensors["logits_eval"] = net(tensors["pictures"]).detach()
    net.train()
    logits = net(tensors["pictures"])
    tensors["logits_train"] = logits.detach()
    nn.functional.cross_entropy(logits, tensors["targets"]).backward()
    tensors.update({f"after.{k}": v.clone() for k, v in net.state_dict().items() if "running" in k})
    tensors.update({f"grad.{name}": p.grad.clone() for name, p in net.named_parameters()})
    save_file({k: v.contiguous() for k, v in tensors.items()}, OUT)


if __name__ == "__main__":
    main()
