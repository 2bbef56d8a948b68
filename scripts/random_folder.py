# SPDX-License-Identifier: Apache-2.0
"""Folders of diffusers pipelines with random weights, written shard by shard: no model is ever in memory. What
make_random_sd35.py and make_random_flux.py share.

A component is given as its module on the meta device, which has names and shapes. Matrices are normal with a standard deviation
of 1 / sqrt(inputs), weights of norms are 1, biases 0; a table of positions is what diffusers makes.
"""
import argparse
import json
import pathlib
import shutil

import diffusers
import torch
from diffusers.models.embeddings import get_2d_sincos_pos_embed
from safetensors.torch import save_file

ROOT = pathlib.Path(__file__).resolve().parents[1]
CLIP_TOKENIZER = ROOT / "models/glyphs/tokenizer"
T5_TOKENIZER = ROOT / "tests/text/fixtures/t5"
TYPES = {"fp16": torch.float16, "bf16": torch.bfloat16, "fp32": torch.float32}


def value(module, name, shape, generator):
    if name.endswith("pos_embed.pos_embed"):
        config = module.config
        return get_2d_sincos_pos_embed(shape[-1], config.pos_embed_max_size,
                                       base_size=config.sample_size // config.patch_size, output_type="pt").view(shape)
    if len(shape) == 1:
        return torch.zeros(shape) if name.endswith("bias") else torch.ones(shape)
    inputs = torch.Size(shape[1:]).numel()
    return torch.randn(shape, generator=generator) / inputs**0.5


def shards_of(shapes, width, limit):
    """Names in order, cut where a shard would pass `limit` bytes."""
    shards, size = [[]], 0
    for name, shape in shapes.items():
        count = width * torch.Size(shape).numel()
        if shards[-1] and size + count > limit:
            shards.append([])
            size = 0
        shards[-1].append(name)
        size += count
    return shards


CODES = {"fp16": "F16", "bf16": "BF16", "fp32": "F32"}


def save_empty(shapes, dtype, file):
    """Zeros that take no room on a disk that knows holes."""
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in shapes.items():
        begin, end = end, end + TYPES[dtype].itemsize * torch.Size(shape).numel()
        header[name] = {"dtype": CODES[dtype], "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # as safetensors does, so that tensors can be read where they lie
    with file.open("wb") as out:
        out.write(len(text).to_bytes(8, "little") + text)
        out.truncate(8 + len(text) + end)


def write_weights(folder, module, stem, options):
    """One file, or shards and their index; returns the number of weights."""
    shapes = {name: list(tensor.shape) for name, tensor in module.state_dict().items()
              if not name.endswith(("position_ids", "encoder.embed_tokens.weight"))}
    dtype = TYPES[options.dtype]
    shards = shards_of(shapes, dtype.itemsize, int(options.shard_gb * 1e9))
    generator = torch.Generator().manual_seed(options.seed)
    places = {}
    for i, names in enumerate(shards):
        number = f"-{i + 1:05d}-of-{len(shards):05d}" if len(shards) > 1 else ""
        file = f"{stem}{number}.safetensors"
        if options.empty:
            save_empty({name: shapes[name] for name in names}, options.dtype, folder / file)
        else:
            tensors = {name: value(module, name, shapes[name], generator).to(dtype).contiguous() for name in names}
            save_file(tensors, folder / file, {"format": "pt"})
        places.update(dict.fromkeys(names, file))
    total = sum(torch.Size(shape).numel() for shape in shapes.values())
    if len(shards) > 1:
        index = {"metadata": {"total_size": total * dtype.itemsize}, "weight_map": places}
        (folder / f"{stem}.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")
    return total


def write_module(folder, module, options):
    folder.mkdir(parents=True, exist_ok=True)
    is_diffusers = isinstance(module, diffusers.ModelMixin)
    module.save_config(folder) if is_diffusers else module.config.save_pretrained(folder)
    return write_weights(folder, module, "diffusion_pytorch_model" if is_diffusers else "model", options)


def write_tokenizer(folder, source, length):
    shutil.copytree(source, folder, dirs_exist_ok=True)
    file = folder / "tokenizer_config.json"
    config = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps({**config, "model_max_length": length}, indent=2) + "\n")


def write_pipeline(pipeline_class, modules, tokenizers, scheduler, options):
    """modules: component to module on the meta device; tokenizers: component to (class, folder, length)."""
    folder, total = options.folder, 0
    index = {"_class_name": pipeline_class, "_diffusers_version": diffusers.__version__}
    for name, module in modules.items():
        if options.only in ("", name):
            total += write_module(folder / name, module, options)
        library = "diffusers" if isinstance(module, diffusers.ModelMixin) else "transformers"
        index[name] = [library, type(module).__name__]
    for name, (cls, source, length) in tokenizers.items():
        write_tokenizer(folder / name, source, length)
        index[name] = ["transformers", cls]
    scheduler.save_pretrained(folder / "scheduler")
    index["scheduler"] = ["diffusers", type(scheduler).__name__]
    (folder / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")
    print(f"{folder}: {total:,} {'empty' if options.empty else 'random'} weights in {options.dtype}")


def arguments(about):
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--dtype", choices=TYPES, default="bf16")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shard-gb", type=float, default=5.0, help="largest size of a file, in 10^9 bytes")
    parser.add_argument("--small", action="store_true", help="the same structure at a width that a CPU runs in a moment")
    parser.add_argument("--empty", action="store_true", help="zeros, which take no room on most disks: for gamut plan")
    parser.add_argument("--only", default="", metavar="COMPONENT", help="write the weights of one component")
    return parser.parse_args()
