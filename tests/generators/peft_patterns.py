# SPDX-License-Identifier: Apache-2.0
"""Golden fixture: ranks and strengths that peft gives layers by rank_pattern and alpha_pattern.

    python tests/generators/peft_patterns.py            # needs torch, peft

Writes tests/nn/fixtures/peft_patterns.json: a list of cases with the settings as text (their order counts: the first key
that matches wins) and, for every layer, its rank and its scaling (alpha / r, or alpha / sqrt(r) with rslora).

Made with peft 0.21, torch 2.13.
"""

import json
import pathlib

import peft
import torch

FILE = pathlib.Path(__file__).parent.parent / "nn" / "fixtures" / "peft_patterns.json"
BLOCK = ["attn1.to_q", "attn1.to_k", "attn1.to_v", "attn1.to_out.0", "attn2.to_q", "ff.net.0.proj", "ff.net.2"]
LAYERS = [f"down_blocks.{i}.attentions.0.transformer_blocks.0.{layer}" for i in (0, 10) for layer in BLOCK[:4]] + [
    f"up_blocks.1.attentions.0.transformer_blocks.0.{layer}" for layer in BLOCK] + [
    "mid_block.attentions.0.proj_in", "mid_block.attentions.0.to_q", "to_q", "other_to_q"]

# rank_pattern, alpha_pattern, r, lora_alpha, further settings
CASES = [
    ({}, {}, 4, 8, {}),
    ({"to_q": 2}, {"to_q": 3}, 4, 8, {}),
    ({}, {"attn1.to_q": 1.5}, 4, 8, {}),
    ({"^to_q": 2}, {}, 4, 8, {}),
    ({}, {"^down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q": 2}, 4, 8, {}),
    ({"to_q$": 2}, {"^mid_block.attentions.0.proj_in$": 1}, 4, 8, {}),
    ({".*attn1.*": 2}, {}, 4, 8, {}),
    ({"down_blocks\\..*\\.to_q": 2}, {"down_blocks\\.\\d+\\..*": 1}, 4, 8, {}),
    ({"down_blocks.1.*": 2}, {"down_blocks.1..*": 1}, 4, 8, {}),
    ({"(to_q|to_k)": 2}, {"to_q|to_v": 1}, 4, 8, {}),
    ({"attn[12]\\.to_[qk]": 2}, {}, 4, 8, {}),
    ({"attn[^1]\\.to_q": 2}, {"net\\.[0-9]+": 1}, 4, 8, {}),
    ({"to_q": 2, "attn1.to_q": 3}, {}, 4, 8, {}),
    ({"attn1.to_q": 3, "to_q": 2}, {}, 4, 8, {}),
    ({"z_none": 9, "to_q": 2, "a.*": 3, ".*to_.*": 1}, {"b": 1, ".*": 2, "to_q": 5}, 4, 8, {}),
    ({"to_q": 2}, {"to_q": 2}, 4, 8, {"use_rslora": True}),
    ({"net.2": 2}, {"ff.net.2": 16, "proj": 4}, 4, 16, {"use_rslora": True}),
    ({"up_blocks.1.attentions.0.transformer_blocks.0.(attn1|attn2).to_q": 1}, {}, 4, 8, {}),
    ({}, {"to_(?:q|k)": 1, "to_out.0": 2, "to_out": 3}, 4, 8, {}),
    ({"blocks.0.attn1.to_v": 2}, {"transformer_blocks.0.ff.*": 0.5}, 4, 8, {}),
    ({}, {"o_q": 1, "q": 2, "": 3}, 4, 8, {}),
    ({"down_blocks.(?!0).*": 2}, {"(?=up_).*": 1}, 4, 8, {}),
    ({"\\w+_blocks.\\d{2}.*": 2}, {"\\w+_blocks.\\d.a.*": 1}, 4, 8, {}),
    ({"to_q.*": 2}, {"to_out.*": 1, ".*\\.0": 2}, 4, 8, {}),
    ({"proj_in": 8, "proj": 2}, {"PROJ": 1, "mid_block\\.attentions\\.0\\.to_q": 0}, 4, 8, {}),
    ({}, {"(.*attn1.*)|(.*attn2.*)": 1}, 4, 8, {}),
]


def network():
    """Linear layers at these places."""
    root = torch.nn.Module()
    for path in LAYERS:
        place = root
        *parents, name = path.split(".")
        for parent in parents:
            if not hasattr(place, parent):
                place.add_module(parent, torch.nn.Module())
            place = getattr(place, parent)
        place.add_module(name, torch.nn.Linear(8, 8, bias=False))
    return root


def main():
    cases = []
    for ranks, alphas, r, alpha, more in CASES:
        settings = {"peft_type": "LORA", "r": r, "lora_alpha": alpha, "rank_pattern": ranks, "alpha_pattern": alphas, **more}
        config = peft.LoraConfig(target_modules=LAYERS, **{k: v for k, v in settings.items() if k != "peft_type"})
        model = peft.inject_adapter_in_model(config, network())
        layers = {}
        for path, module in model.named_modules():
            if isinstance(module, peft.tuners.lora.LoraLayer):
                layers[path] = [module.r["default"], module.scaling["default"]]
        assert sorted(layers) == sorted(LAYERS)
        cases.append({"settings": json.dumps(settings), "layers": layers})
    FILE.write_text("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
    print(FILE, FILE.stat().st_size, "bytes,", len(cases), "cases,", sum(len(c[0]) + len(c[1]) for c in CASES), "patterns")


if __name__ == "__main__":
    main()
