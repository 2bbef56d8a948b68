#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""HPSv3 (arXiv 2508.03789, a 7 B Qwen2-VL) as a reward server for gamut, by transformers.

    pip install torch transformers pillow safetensors && pip install --no-deps hpsv3
    hf download MizzenAI/HPSv3 HPSv3.safetensors --local-dir hpsv3
    hf download Qwen/Qwen2-VL-7B-Instruct --include '*.json' merges.txt --local-dir qwen2-vl
    python3 examples/reward_server/hpsv3_server.py --weights hpsv3/HPSv3.safetensors --base qwen2-vl --device cuda
    gamut train RECIPE --set reward.kind=remote --set reward.remote.url=http://127.0.0.1:8000

The reward is the mean that the model predicts (its second number, a deviation, is left out); 16 GB in bf16. The question that it is
asked stands in the package hpsv3, from whose file it is read; nothing of the package runs. Several pictures of one request run one by
one, so that none depends on how others are padded.
"""
import argparse
import ast
import importlib.util
import io
import pathlib

import torch
from PIL import Image
from reward_server import add_flags, serve
from safetensors.torch import load_file
from transformers import AutoConfig, AutoTokenizer, Qwen2VLImageProcessorPil, Qwen2VLModel

REWARD = "<|Reward|>"  # where the answer is read
PIXELS = 256 * 28 * 28
WORDING = "dataset/data_collator_qwen.py"


def read_question():
    """INSTRUCTION + prompt_with_special_token, string constants of the package's file."""
    package = importlib.util.find_spec("hpsv3")
    if package is None:
        raise SystemExit("error: the package hpsv3 holds the question that the model is asked; run: pip install --no-deps hpsv3")
    tree = ast.parse((pathlib.Path(package.submodule_search_locations[0]) / WORDING).read_text())
    texts = {node.targets[0].id: node.value.value for node in tree.body
             if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)}
    return texts["INSTRUCTION"], texts["prompt_with_special_token"]


def head_of(state):
    """Linear layers with ReLU between them, as their names in rm_head.N say."""
    names = sorted((name for name in state if name.startswith("rm_head.") and name.endswith(".weight")),
                   key=lambda name: int(name.split(".")[1]))
    layers = []
    for name in names:
        linear = torch.nn.Linear(*reversed(state[name].shape))
        linear.load_state_dict({part: state[name.replace("weight", part)].float() for part in ("weight", "bias")})
        layers += [linear, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


class HPSv3:
    def __init__(self, state, base, device="cpu", dtype=torch.bfloat16):
        self.question, self.device = read_question(), device
        self.tokenizer = AutoTokenizer.from_pretrained(base)
        self.tokenizer.add_special_tokens({"additional_special_tokens": [REWARD]})
        self.images = Qwen2VLImageProcessorPil.from_pretrained(base, min_pixels=PIXELS, max_pixels=PIXELS)
        config = AutoConfig.from_pretrained(base)
        # The published names, of transformers 4, and those of 5.
        names = {"model.": "language_model.", "visual.": "visual."}
        weights = {new + name[len(old):]: tensor for name, tensor in state.items() for old, new in names.items()
                   if name.startswith(old)}
        config.text_config.vocab_size = len(weights["language_model.embed_tokens.weight"])
        self.model = Qwen2VLModel.from_pretrained(None, config=config, state_dict=weights, dtype=dtype).to(device).eval()
        self.head = head_of(state).to(device)

    def text(self, prompt, places):
        instruction, ask = self.question
        content = [{"type": "image"}, {"type": "text", "text": instruction.format(text_prompt=prompt) + ask}]
        text = self.tokenizer.apply_chat_template([{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True)
        return text.replace("<|image_pad|>", "<|image_pad|>" * places)

    @torch.no_grad()
    def __call__(self, prompt, picture):
        seen = self.images(images=[picture.convert("RGB")], return_tensors="pt")
        places = int(seen["image_grid_thw"].prod()) // self.images.merge_size ** 2
        ids = self.tokenizer(self.text(prompt, places), return_tensors="pt").input_ids
        kinds = (ids == self.tokenizer.convert_tokens_to_ids("<|image_pad|>")).int()
        at = (ids[0] == self.tokenizer.convert_tokens_to_ids(REWARD)).nonzero().flatten()
        if len(at) != 1:
            raise ValueError(f"the question must hold {REWARD} once; got it {len(at)} times")
        states = self.model(input_ids=ids.to(self.device), pixel_values=seen["pixel_values"].to(self.device, self.model.dtype),
                            image_grid_thw=seen["image_grid_thw"].to(self.device), mm_token_type_ids=kinds.to(self.device),
                            use_cache=False).last_hidden_state
        return self.head(states[0, at[0]].float())[0].item()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_flags(parser)
    parser.add_argument("--weights", required=True, help="HPSv3.safetensors")
    parser.add_argument("--base", required=True, help="folder with the configs and the tokenizer of Qwen2-VL-7B-Instruct")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="bfloat16", choices=("bfloat16", "float32"))
    options = parser.parse_args()
    model = HPSv3(load_file(options.weights), options.base, options.device, getattr(torch, options.dtype))
    serve(lambda prompts, pngs, known: [model(prompt, Image.open(io.BytesIO(png))) for prompt, png in zip(prompts, pngs)], options)


if __name__ == "__main__":
    main()
