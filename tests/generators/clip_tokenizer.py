# SPDX-License-Identifier: Apache-2.0
"""Writes tests/text/fixtures: a reduced CLIP vocabulary, and ids by transformers' CLIPTokenizer.

The vocabulary is CLIP's with its first 3,000 merges, from bpe_simple_vocab_16e6.txt.gz of open_clip_torch 3.3.0
(MIT). Ids made with transformers 5.23, tokenizers 0.23.
Run: python tests/generators/clip_tokenizer.py bpe_simple_vocab_16e6.txt.gz
"""
import gzip
import json
import pathlib
import random
import shutil
import sys
import tempfile
import unicodedata

from transformers import CLIPTokenizer

FOLDER = pathlib.Path(__file__).parents[1] / "text/fixtures"
MERGES = 3000
START, END = "<|startoftext|>", "<|endoftext|>"


def byte_symbols():
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [b for b in range(256) if b not in visible]
    return [chr(b) for b in visible] + [chr(256 + i) for i in range(len(hidden))]


def write_vocabulary(folder, merges):
    symbols = byte_symbols()
    tokens = symbols + [s + "</w>" for s in symbols] + ["".join(m) for m in merges] + [START, END]
    tokens = list(dict.fromkeys(tokens))
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {t: i for i, t in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False, separators=(",", ":")) + "\n")
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    return vocabulary


def token(content, normalized):
    return {"content": content, "lstrip": False, "normalized": normalized, "rstrip": False, "single_word": False}


def variants():
    """The ways in which published folders write their special tokens."""
    added = {"__type": "AddedToken"}
    named = {"bos_token": token(START, True), "eos_token": token(END, True), "unk_token": token(END, True)}
    yield "plain", {}, None
    yield "sd15", {k: added | v for k, v in named.items()} | {"pad_token": END, "model_max_length": 77}, \
        named | {"pad_token": END}
    yield "sdxl_second", {
        "added_tokens_decoder": {"0": token("!", False) | {"special": True},
                                 str(512 + MERGES): token(START, True) | {"special": True},
                                 str(513 + MERGES): token(END, True) | {"special": True}},
        "bos_token": START, "eos_token": END, "unk_token": END, "pad_token": "!", "model_max_length": 77}, \
        named | {"pad_token": "!"}
    yield "pad_in_map", {"model_max_length": 32}, {"pad_token": "!"}
    yield "learned_token", {
        "added_tokens_decoder": {str(514 + MERGES): token("<My-Cat>", True) | {"special": False},
                                 str(515 + MERGES): token("<My-Cat>s", False) | {"special": False}},
        "model_max_length": 77}, None


def is_assigned(code):
    return not 0xD800 <= code < 0xE000 and unicodedata.category(chr(code)) not in ("Cn", "Co")


CHOSEN = """
the digit 7|The Letter K, dark red on light cyan, script|a photo of an astronaut riding a horse on mars|
it's we're I'LL they'd y'all've I'm don't 'tis rock'n'roll '' ''' 's' 'S|2026-11-22 3.14159 1,000,000 ½ ² Ⅷ ٣ ४ 五|
İstanbul ISTANBUL ıstanbul Straße STRASSE ẞ ﬁ ﬂ ŉ ǆ ǅ Σίσυφος ΟΔΟΣ|e\u0301 \u00e9 e\u0327\u0301 e\u0301\u0327 A\u030a \u212b|
\u1112\u1161\u11ab\u1100\u1173\u11af 한글 \uac00\u11a8|日本語のテキスト、中文字符。한국어|\U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea \U0001f44d\U0001f3fd \u2764\ufe0f|
שלום עולם \u202eabc\u202c مرحبا بالعالم|नमस्ते क्षत्रिय தமிழ்|a\u200bb a\u200db a\u2060b \ufeffa a\u00adb|
\u0000 a\u0001b \u007f \u0085x\u0085 \u001f|\t\n\v\f\r \u00a0 \u1680 \u2003\u2028\u2029\u202f\u205f\u3000 x|
 leading and trailing  |\ud7ff \ue000 \ufffd \uffff \U0010ffff|a<|startoftext|>b<|endoftext|> <|STARTOFTEXT|>! <|startoftext||
!<|endoftext|>! <|EndOfText|><|endoftext|>|<My-Cat> <my-cat>s <My-Cat>s on <MY-CAT>|!! hello!world !|hello "7" 'k' `x` «q» “z”|
x_y-z/w\\v @home #tag $5 50% a&b (c) [d] {e} ~f^g|http://example.org/?a=b&c=d|\u0345\u03b1\u0345 \u0344 \u2126 \u1e9b\u0323
""".replace("\n", "").split("|")


def random_strings(count, rng):
    everything = [c for c in range(0x110000) if is_assigned(c)]
    marks = [c for c in everything if unicodedata.category(chr(c))[0] == "M"]
    spaces = [c for c in everything if chr(c).isspace()]
    numbers = [c for c in everything if unicodedata.category(chr(c))[0] == "N"]
    cased = [c for c in everything if chr(c).lower() != chr(c)]
    composed = [ord(x) for c in everything for x in unicodedata.normalize("NFD", chr(c)) if unicodedata.decomposition(chr(c))]
    ascii_like = [ord(c) for c in "etaoinshrdlu ETAOIN 0123456789 '' !?.,-<|>\"\t"]
    pools = [everything, marks, spaces, numbers, cased, composed, ascii_like, ascii_like, ascii_like]
    for _ in range(count):
        chosen = rng.sample(pools, 2) + [ascii_like]
        yield "".join(chr(rng.choice(rng.choice(chosen))) for _ in range(rng.randint(1, 9)))


def word_strings(count, rng):
    words = "the a of in on and photo dog cat red blue letter digit style painting don't we're 1984 v2 hello".split()
    for _ in range(count):
        yield "".join(rng.choice(words) + rng.choice(" , - ' ! ".split(" ")) + rng.choice(["", " ", "  "])
                      for _ in range(rng.randint(1, 4)))


def invalid_bytes(count, rng):
    starts = [0x80, 0xBF, 0xC0, 0xC3, 0xE2, 0xED, 0xF0, 0xF4, 0xF5, 0xFF]
    yield from (b"\xed\xa0\x80", b"\xf0\x9f\x98", b"\xc0\xaf", b"\xe2\x82", b"a\xffb", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80")
    for _ in range(count):
        yield bytes(rng.choice([rng.choice(starts), rng.randrange(0x80, 0xC0), rng.randrange(0x20, 0x7F)])
                    for _ in range(rng.randint(1, 6)))


def load(vocabulary_folder, config, special_map):
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(vocabulary_folder, folder, dirs_exist_ok=True)
        for name, content in (("tokenizer_config.json", config), ("special_tokens_map.json", special_map)):
            if content is not None:
                pathlib.Path(folder, name).write_text(json.dumps(content))
        return CLIPTokenizer.from_pretrained(folder)


def ids_of(tokenizer, strings):
    return tokenizer(strings, add_special_tokens=False)["input_ids"]


def padded(tokenizer, text, length):
    out = tokenizer(text, padding="max_length", truncation=True, max_length=length)
    return {"text": text, "max_length": length, "ids": out["input_ids"], "length": sum(out["attention_mask"])}


def dump(path, value):
    # One entry a line keeps the file small and diffs readable.
    lines = [f"{json.dumps(k)}: " + ("[\n" + ",\n".join(json.dumps(x, ensure_ascii=False, separators=(",", ":")) for x in v)
                                     + "\n]" if isinstance(v, list) else json.dumps(v, ensure_ascii=False))
             for k, v in value.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def write_clip(archive):
    lines = gzip.open(archive, "rt", encoding="utf-8").read().split("\n")[1:1 + MERGES]
    folder = FOLDER / "clip_reduced"
    write_vocabulary(folder, [tuple(line.split()) for line in lines])

    rng = random.Random(20261122)
    strings = [*CHOSEN, "", *random_strings(1800, rng), *word_strings(300, rng)]
    raw = list(invalid_bytes(150, rng))
    plain = load(folder, {}, None)
    cases = [[s, i] for s, i in zip(strings, ids_of(plain, strings))]
    decoded = [b.decode("utf-8", errors="replace") for b in raw]
    result = {"cases": cases, "invalid": [[b.hex(), i] for b, i in zip(raw, ids_of(plain, decoded))]}

    long_words = ["wordwordword" * 40, "a" * 1000, "日本" * 300]
    result["long"] = [[w, i] for w, i in zip(long_words, ids_of(plain, long_words))]
    result["variants"] = []
    for name, config, special_map in variants():
        tokenizer = load(folder, config, special_map)
        entry = {"name": name, "config": config, "special_tokens_map": special_map, "pad_id": tokenizer.pad_token_id,
                 "cases": [[s, i] for s, i in zip(CHOSEN, ids_of(tokenizer, CHOSEN))],
                 "padded": [padded(tokenizer, s, n) for s in ("hello", "", CHOSEN[2], CHOSEN[3]) for n in (8, 32)]}
        if "model_max_length" in config:
            entry["model_max_length"] = tokenizer.model_max_length
        result["variants"].append(entry)
    dump(FOLDER / "clip_tokenizer.json", result)


def write_words():
    """Words joined left to right, each by merges of its own where earlier ones do not join it already."""
    words = [",", "the", "digit", "letter", "on", *"0123456789abcdefghjklmnprstuvwxyz", "black", "white", "gray", "dark",
             "light", "red", "orange", "brown", "yellow", "green", "cyan", "blue", "purple", "pink", "sans", "serif",
             "script", "handwriting", "display", "café", "the", "digits"]
    symbols = dict(zip([*range(33, 127), *range(161, 173), *range(174, 256)], byte_symbols()))
    merges = []
    for word in words:
        parts = [symbols[b] for b in word.encode()]
        parts[-1] += "</w>"
        while True:
            pairs = [(merges.index(p), i) for i, p in enumerate(zip(parts, parts[1:])) if p in merges]
            if not pairs:
                break
            at = min(pairs)[1]
            parts[at:at + 2] = [parts[at] + parts[at + 1]]
        while len(parts) > 1:
            merges.append((parts[0], parts[1]))
            parts[:2] = [parts[0] + parts[1]]
    captions = ["the digit 7", "the letter K", "the letter K, dark red on light cyan, script", "", "The Digit 3, sans",
                "the letter Z, light purple on dark green, handwriting", "digits lettering unknown 42 é café!",
                "the letter A, black on white, display, and a tail that is cut off", "pinkish,blue"]
    with tempfile.TemporaryDirectory() as folder:
        vocabulary = write_vocabulary(pathlib.Path(folder), merges)
        tokenizer = load(folder, {"model_max_length": 16, "pad_token": END}, None)
        cases = [padded(tokenizer, s, 16) for s in captions]
    dump(FOLDER / "word_tokenizer.json", {"words": words, "cases": cases, "vocabulary": vocabulary,
                                          "merges": [" ".join(m) for m in merges]})


if __name__ == "__main__":
    write_clip(sys.argv[1])
    write_words()
