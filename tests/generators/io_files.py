# SPDX-License-Identifier: Apache-2.0
"""Writes tests/io/fixtures: safetensors and PNG files by other programs, with their contents as JSON.

Made with safetensors 0.8, torch 2.13, Pillow 13. Run: python tests/generators/io_files.py
"""
import json
import pathlib

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

FOLDER = pathlib.Path(__file__).parents[1] / "io/fixtures"
DTYPES = {
    "BOOL": torch.bool, "U8": torch.uint8, "I8": torch.int8, "I16": torch.int16, "I32": torch.int32,
    "I64": torch.int64, "F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32, "F64": torch.float64,
}


def tensors():
    torch.manual_seed(0)
    for name, dtype in DTYPES.items():
        values = torch.randint(0, 2 if name == "BOOL" else 100, (3, 5))
        yield f"block.{name.lower()}.weight", name, values.to(dtype)
    yield "scalar", "F32", torch.tensor(0.1)
    yield "empty", "F32", torch.zeros(2, 0, 3)
    yield 'Grüße "quoted" \\ \n 漢字', "F32", torch.randn(2)


def write_safetensors():
    listing = {}
    for name, dtype, tensor in tensors():
        data = tensor.reshape(-1).view(torch.uint8).numpy().tobytes()
        listing[name] = {"dtype": dtype, "shape": list(tensor.shape), "hex": data.hex()}
    save_file({n: t for n, _, t in tensors()}, FOLDER / "python.safetensors", metadata={"format": "pt"})
    (FOLDER / "python.safetensors.json").write_text(json.dumps(listing, indent=1) + "\n")


def pictures():
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    gray = rng.integers(0, 256, (5, 7), dtype=np.uint8)
    yield "rgb", Image.fromarray(rgb), rgb
    yield "gray", Image.fromarray(gray), np.repeat(gray[:, :, None], 3, 2)
    palette = Image.fromarray(rgb).quantize(16)
    yield "palette", palette, np.array(palette.convert("RGB"))
    # Opaque left, transparent right: transparent pixels become white.
    alpha = np.full((5, 7, 1), 255, np.uint8)
    alpha[:, 4:] = 0
    shown = rgb.copy()
    shown[:, 4:] = 255
    yield "rgba", Image.fromarray(np.concatenate([rgb, alpha], 2)), shown
    # 16 bits per pixel, each the 8-bit value repeated: v * 257.
    yield "gray16", Image.fromarray(gray.astype(np.uint16) * 257), np.repeat(gray[:, :, None], 3, 2)


def write_pictures():
    listing = {}
    for name, image, expected in pictures():
        image.save(FOLDER / f"{name}.png")
        listing[name] = {"width": expected.shape[1], "height": expected.shape[0], "hex": expected.tobytes().hex()}
    (FOLDER / "pictures.json").write_text(json.dumps(listing, indent=1) + "\n")


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    write_safetensors()
    write_pictures()
