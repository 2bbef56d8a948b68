# SPDX-License-Identifier: Apache-2.0
"""Fixture of Flow-GRPO's OCR reward: recognized text, target and reward for random and hand-written pairs.

    python tests/generators/ocr_reward.py          # standard library only

The rule, from the published description: both texts lower-case and without spaces; distance 0 if the target
is a substring of the recognized text, else their Levenshtein distance, at most the target's length;
reward = 1 - d / length. The distance is the recursive definition, not the table that the program fills.
Writes tests/rewards/fixtures/ocr_reward.json.
"""

import functools
import json
import pathlib
import random

OUT = pathlib.Path(__file__).parent.parent / "rewards" / "fixtures" / "ocr_reward.json"
HAND = [("New York", "new york"), ("", "STOP"), ("STQP", "stop"), ("a big STOP sign", "stop"), ("ÄÖÜ", "äöü"),
        ("Straße", "STRASSE"), ("γειά", "ΓΕΙΆ"), ("日本語", "日本"), ("日木語", "日本語"), ("7", "7"), ("1 7", "17"),
        ("completely different", "sun"), ("x", "abcdef"), ("O", "0"), ("hel lo", "hello world")]


def levenshtein(a, b):
    @functools.lru_cache(None)
    def distance(i, j):
        if i == 0 or j == 0:
            return i + j
        replaced = distance(i - 1, j - 1) + (a[i - 1] != b[j - 1])
        return min(distance(i - 1, j) + 1, distance(i, j - 1) + 1, replaced)

    return distance(len(a), len(b))


def reward(recognized, target):
    recognized, target = (text.replace(" ", "").lower() for text in (recognized, target))
    d = 0 if target in recognized else min(levenshtein(recognized, target), len(target))
    return 1 - d / len(target)


def main():
    rng = random.Random(5)
    pairs = list(HAND)
    for _ in range(200):
        target = "".join(rng.choice("abAB cé7") for _ in range(rng.randint(1, 9)))
        if not target.strip():
            continue
        recognized = list(target)
        for _ in range(rng.randint(0, 5)):
            at = rng.randint(0, len(recognized))
            recognized[at:at + rng.randint(0, 2)] = rng.choice(["", "a", "B ", "xyz", "é"])
        pairs.append(("".join(recognized), target))
    rows = [{"recognized": r, "target": t, "reward": reward(r, t)} for r, t in pairs]
    OUT.write_text(json.dumps(rows, ensure_ascii=False, indent=0) + "\n")


if __name__ == "__main__":
    main()
