# SPDX-License-Identifier: Apache-2.0
"""Golden fixture: folders of CLIP tokenizers in older and newer layouts, with tokens added, and transformers' ids.

    python tests/generators/tokenizer_layouts.py            # needs transformers

Writes tests/text/fixtures/tokenizer_layouts.json: the vocabulary and merges of models/glyphs/tokenizer once, the texts,
and a list of {name, files, ids, pad}. In `files` the strings "@vocabulary", "@merges" and "@lines" stand for the vocabulary,
the merges as pairs, and merges.txt.

Made with transformers 5.24.
"""

import json
import pathlib
import shutil
import tempfile

from transformers import CLIPTokenizer
from transformers.utils import logging

logging.set_verbosity_error()

ROOT = pathlib.Path(__file__).parent.parent.parent
SOURCE = ROOT / "models" / "glyphs" / "tokenizer"
FILE = ROOT / "tests" / "text" / "fixtures" / "tokenizer_layouts.json"
VOCABULARY = json.loads((SOURCE / "vocab.json").read_text())
LINES = (SOURCE / "merges.txt").read_text()
MERGES = [line.split(" ") for line in LINES.splitlines() if line and not line.startswith("#version")]
SPECIALS = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>",
            "pad_token": "<|endoftext|>"}
CONFIG = {**SPECIALS, "model_max_length": 77, "tokenizer_class": "CLIPTokenizer"}
N = len(VOCABULARY)
TEXTS = ["The digit 7's <cat-toy>", "a<cat-toy>b <DOG> <dog>c", "k <|endoftext|> Big BIG bigger", "<Cat-Toy> <cat-toy><cat-toy>",
         "a  <dog>  b", "<pad> <|startoftext|>k ! é 12", "<|ENDOFTEXT|>"]


def token(content, normalized=False, special=True, **flags):
    return {"content": content, "lstrip": False, "normalized": normalized, "rstrip": False, "single_word": False,
            "special": special, **flags}


BASE = {str(N - 2): token("<|startoftext|>", True), str(N - 1): token("<|endoftext|>")}
TOY, DOG = {str(N): token("<cat-toy>", True, False)}, {str(N + 1): token("<dog>")}


def old(config=None, specials=SPECIALS, **more):
    files = {"vocab.json": "@vocabulary", "merges.txt": "@lines", "tokenizer_config.json": {**CONFIG, **(config or {})}}
    if specials is not None:
        files["special_tokens_map.json"] = specials
    return {**files, **{name.replace("_json", ".json"): content for name, content in more.items()}}


def saved(change):
    """What transformers writes today."""
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = CLIPTokenizer.from_pretrained(SOURCE)
        tokenizer.model_max_length = 77
        change(tokenizer)
        tokenizer.save_pretrained(folder)
        files = {path.name: json.loads(path.read_text()) for path in pathlib.Path(folder).iterdir()}
    model = files["tokenizer.json"]["model"]
    assert model["vocab"] == VOCABULARY and [list(m) for m in model["merges"]] == MERGES
    model["vocab"], model["merges"] = "@vocabulary", "@merges"
    return files


def add_some(tokenizer):
    tokenizer.add_tokens(["<cat-toy>", "big"])
    tokenizer.add_tokens(["<dog>"], special_tokens=True)


def layouts():
    yield "plain", old()
    yield "no settings at all", {"vocab.json": "@vocabulary", "merges.txt": "@lines"}
    yield "added_tokens.json", old(added_tokens_json={"<cat-toy>": N, "<dog>": N + 1})
    yield "added_tokens.json in another order", old(added_tokens_json={"<dog>": N + 1, "<cat-toy>": N})
    yield "added_tokens.json with capitals", old(added_tokens_json={"BIG": N})
    yield "added_tokens.json naming a token of the vocabulary", old(added_tokens_json={"a</w>": VOCABULARY["a</w>"], "<dog>": N})
    yield "listed", old({"added_tokens_decoder": {**BASE, **TOY, **DOG}}, None)
    yield "listed, and added_tokens.json", old({"added_tokens_decoder": {**BASE, **TOY}}, SPECIALS, added_tokens_json={"<cat-toy>": N})
    yield "listed, and another added_tokens.json", old({"added_tokens_decoder": {**BASE, **TOY}}, SPECIALS,
                                                       added_tokens_json={"<dog>": N + 1})
    yield "listed with flags for blanks", old(
        {"added_tokens_decoder": {**BASE, **TOY, str(N + 1): token("<dog>", lstrip=True, rstrip=True)}}, None)
    yield "additional specials in the map", old(None, {**SPECIALS, "additional_special_tokens": ["<dog>", "k"]})
    yield "additional specials in the settings", old({"additional_special_tokens": ["<dog>"]})
    yield "additional specials as objects", old({"additional_special_tokens": [{"__type": "AddedToken", **token("<dog>")}]})
    yield "extra specials by name", old({"extra_special_tokens": {"image_token": "<dog>"}})
    yield "extra specials as a list", old({"extra_special_tokens": ["<dog>", "<cat-toy>"]})
    yield "additional specials that are listed", old({"added_tokens_decoder": {**BASE, **TOY, **DOG},
                                                      "additional_special_tokens": ["<dog>"]}, None)
    yield "listed, with a map", old({"added_tokens_decoder": {**BASE, **TOY}}, {**SPECIALS, "additional_special_tokens": ["<dog>"]})
    yield "specials of the map that are added", old(None, {**SPECIALS, "additional_special_tokens": ["<dog>"]},
                                                    added_tokens_json={"<cat-toy>": N, "<dog>": N + 1})
    yield "a padding token of its own", old({"pad_token": "<pad>"}, None)
    yield "a padding token of its own, and others", old({"pad_token": "<pad>", "additional_special_tokens": ["<dog>"]}, None,
                                                        added_tokens_json={"<cat-toy>": N})
    yield "a padding token of the vocabulary", old({"pad_token": "!"}, None)
    yield "specials as objects", old({key: {"__type": "AddedToken", **token(value, True)} for key, value in SPECIALS.items()}, None)
    yield "saved anew", saved(lambda tokenizer: None)
    yield "saved anew with tokens added", saved(add_some)
    both = {**old(), **saved(add_some)}
    yield "saved anew beside the old files", both
    yield "saved anew beside an old added_tokens.json", {**both, "added_tokens.json": {"<pad>": N + 3}}
    new = saved(add_some)
    new["tokenizer_config.json"] = {**new["tokenizer_config.json"], "added_tokens_decoder": {**BASE, str(N): token("<dog>")}}
    yield "saved anew, another list in the settings", new
    lines = saved(add_some)
    lines["tokenizer.json"] = {**lines["tokenizer.json"], "normalizer": None, "pre_tokenizer": None}
    yield "saved anew without normalizer", lines


def write(files, folder):
    def filled(content):
        if isinstance(content, dict):
            return {key: filled(value) for key, value in content.items()}
        return {"@vocabulary": VOCABULARY, "@merges": MERGES}.get(content, content) if isinstance(content, str) else content

    for name, content in files.items():
        text = LINES if content == "@lines" else json.dumps(filled(content))
        (folder / name).write_text(text)


def main():
    cases = []
    for name, files in layouts():
        folder = pathlib.Path(tempfile.mkdtemp())
        write(files, folder)
        tokenizer = CLIPTokenizer.from_pretrained(folder)
        ids = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in TEXTS]
        cases.append({"name": name, "files": files, "ids": ids, "pad": tokenizer.pad_token_id})
        shutil.rmtree(folder)
    FILE.write_text(json.dumps({"vocabulary": VOCABULARY, "merges": MERGES, "lines": LINES, "texts": TEXTS, "cases": cases},
                               separators=(",", ":"), ensure_ascii=False) + "\n")
    print(FILE, FILE.stat().st_size, "bytes,", len(cases), "cases")
    for case in cases:
        print(case["name"], case["pad"], case["ids"])


if __name__ == "__main__":
    main()
