# SPDX-License-Identifier: Apache-2.0
"""Writes tests/text/fixtures/t5: a small SentencePiece vocabulary with T5's options, and ids by transformers' T5Tokenizer.

    python tests/generators/t5_tokenizer.py            # needs transformers, sentencepiece, protobuf

The unigram model (spiece.model) is trained on the project's own pages and on a few sentences of other scripts: pad 0, eos 1,
unk 2, no bos, no byte fallback, normalization nmt_nfkc, which is most of the file. t5_tokenizer.json has ids of hostile
strings (those of clip_tokenizer.py and more), padded ones, and invalid UTF-8 as bytes.

Made with transformers 5.24, tokenizers 0.23, sentencepiece 0.2.3.
"""
import io
import pathlib
import random
import unicodedata

import sentencepiece
import transformers
from clip_tokenizer import CHOSEN, dump, invalid_bytes, is_assigned, random_strings, word_strings

ROOT = pathlib.Path(__file__).parents[2]
FOLDER = ROOT / "tests/text/fixtures"

SENTENCES = """
Grüße aus Köln, naïve café, déjà vu, été|Die Straße ist süß und schön|ein rotes Haus auf dem Hügel|
Привет мир, красный дом на холме|日本語の文字 猫が座っている|中文字符 一只红色的狐狸|한국어 글자 빨간 여우|العربية حصان أحمر|
हिन्दी अक्षर लाल घोड़ा|Ελληνικά γράμματα κόκκινο άλογο|a photo of an astronaut riding a horse on mars, 1 2 3 4 5 6 7 8 9 0
""".replace("\n", "").split("|")

HOSTILE = """
<pad>|</s>|<unk>|<extra_id_0>|<extra_id_99>|<extra_id_100>|<extra_id_07>|a</s>b <pad> c<unk>d|<extra_id_1><extra_id_12>|
 <extra_id_3> x|＜pad＞ ＜/s＞ ＜unk＞ ＜extra_id_5＞|<＜pad＞>|< pad >|</s|<s>|①\u0301 ①\u0301\u0302 ﬁ\u0301|\u0085x\u0085y|
a\u000bb\u000cc\u001cd|x▁y ▁▁a ▁ a▁|가\u11a8 \u1100\u1161 \u1100\u1161\u11a8|e\u0301\u0302 \u1e9b\u0323 \u212b|
ﷺ ㍿ ㋿ ½ ㎏|\u00a8 \u00b4a ˜|a\u200bb a\u200cb a\u200db a\u2060b \ufeffa a\u00adb|\r\n a\r\nb|aaaaaaaaaaaaaaaaaaaaaaaaaaaa|
thethethethethe unununun|日本\u3000語|＼（＾ｏ＾）／|ｶﾞｷﾞ ﾊﾟ|Ⅷ ⅷ ℌ 𝔥𝕖𝓵𝓵𝓸|\U0001f469\u200d\U0001f467|\U0001f1e9\U0001f1ea
""".replace("\n", "").split("|")


def train():
    texts = [line.strip() for page in sorted(ROOT.glob("docs/*.md")) for line in page.read_text().splitlines()]
    texts = [text for text in texts if text] + SENTENCES * 20
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=model, vocab_size=1500, model_type="unigram",
        character_coverage=0.9995, pad_id=0, eos_id=1, unk_id=2, bos_id=-1, byte_fallback=False,
        normalization_rule_name="nmt_nfkc", num_threads=1)
    (FOLDER / "t5").mkdir(exist_ok=True)
    (FOLDER / "t5/spiece.model").write_bytes(model.getvalue())


def repeated(count, rng):
    """Runs and mixtures whose segmentations are nearly even."""
    parts = ["a", "e", "the", "▁", "un", "re", "ing", "in", "on", "1", "--", "..", " ", "é", "red", "ed"]
    for _ in range(count):
        yield "".join(rng.choice(parts) * rng.randint(1, 9) for _ in range(rng.randint(1, 6)))


def mapped(count, rng):
    """Characters that NFKC changes, with marks behind them, and special pieces between."""
    changed = [c for c in range(0x80, 0x30000) if is_assigned(c) and unicodedata.normalize("NFKC", chr(c)) != chr(c)]
    marks = [c for c in range(0x300, 0x3000) if is_assigned(c) and unicodedata.category(chr(c)) == "Mn"]
    for _ in range(count):
        text = ""
        for _ in range(rng.randint(1, 8)):
            text += rng.choice([chr(rng.choice(changed)), chr(rng.choice(changed)) + chr(rng.choice(marks)), "a", " ",
                                "o" + chr(rng.choice(marks)), "<extra_id_5>", "</s>", "x"])
        yield text


def padded(tokenizer, text, length):
    out = tokenizer(text, padding="max_length", truncation=True, max_length=length)
    return {"text": text, "max_length": length, "ids": out["input_ids"], "length": sum(out["attention_mask"])}


if __name__ == "__main__":
    transformers.utils.logging.set_verbosity_error()
    train()
    tokenizer = transformers.T5Tokenizer.from_pretrained(FOLDER / "t5")
    rng = random.Random(20261128)
    strings = [*HOSTILE, *CHOSEN, "", " ", *random_strings(1200, rng), *word_strings(200, rng), *repeated(500, rng),
               *mapped(500, rng)]
    ids = tokenizer(strings, add_special_tokens=False)["input_ids"]
    raw = list(invalid_bytes(60, rng))
    invalid = tokenizer([b.decode("utf-8", errors="replace") for b in raw], add_special_tokens=False)["input_ids"]
    long = "a red fox jumps over the lazy dog, " * 20
    dump(FOLDER / "t5_tokenizer.json", {
        "cases": [[s, i] for s, i in zip(strings, ids)], "invalid": [[b.hex(), i] for b, i in zip(raw, invalid)],
        "padded": [padded(tokenizer, s, n) for s in ("", "a red fox", long) for n in (1, 7, 16, 256)]})
    print(len(strings), "strings,", len(tokenizer), "ids")
