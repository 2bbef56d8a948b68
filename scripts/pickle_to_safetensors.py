#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Converts published PyTorch weights (.pt, .pth, .bin) to safetensors, the only weights gamut reads.

    python3 scripts/pickle_to_safetensors.py sac+logos+ava1-l14-linearMSE.pth aesthetic_head.safetensors
    python3 scripts/pickle_to_safetensors.py HPS_v2.1_compressed.pt hps/model.safetensors

Needs torch and safetensors (pip install torch safetensors). The file is read with weights_only=True, so that no code in
it runs. A checkpoint that keeps its weights under "state_dict" is unwrapped.
"""
import argparse

import safetensors.torch
import torch


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source")
    parser.add_argument("target")
    options = parser.parse_args()
    state = torch.load(options.source, map_location="cpu", weights_only=True)
    state = state.get("state_dict", state)
    tensors = {name: value.clone().contiguous() for name, value in state.items() if isinstance(value, torch.Tensor)}
    if not tensors:
        parser.error(f"{options.source} holds no tensors")
    safetensors.torch.save_file(tensors, options.target, metadata={"format": "pt"})
    print(f"{options.target}: {len(tensors)} tensors, {sum(t.numel() for t in tensors.values()):,} numbers")


if __name__ == "__main__":
    main()
