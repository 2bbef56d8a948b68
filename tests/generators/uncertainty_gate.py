# SPDX-License-Identifier: Apache-2.0
"""Golden fixture of GARDO's gate: the statements of its public code (github.com/tinnerhrhe/GARDO,
scripts/train_sd3_grpo_gardo.py) in NumPy, over many iterations.

    python tests/generators/uncertainty_gate.py      # needs numpy

Writes tests/algorithms/fixtures/uncertainty_gate.json. The seed of a sequence makes no ties between rewards, whose
order the public code leaves open.
"""

import json
import pathlib

import numpy as np


class Share:
    """The share p of pictures that are regularized, adapted to the mean disagreement."""

    def __init__(self, start):
        self.start, self.share, self.means = start, start, []

    def update(self, disagreements):
        mean = np.mean(disagreements)
        if not self.means:
            self.share = self.start
        elif mean > max(self.means):
            self.share *= 1.1
        elif mean < min(self.means):
            self.share *= 0.9
        self.share = float(np.clip(self.share, 0.02, 0.2))
        self.means = (self.means + [mean])[-20:]


def ranks(rewards):
    """1 for the largest."""
    out = np.empty(len(rewards))
    out[np.argsort(-rewards)] = np.arange(1, len(rewards) + 1)
    return out


def gate(main, auxiliaries, share, sign):
    disagreement = sign * (ranks(main) - np.mean([ranks(a) for a in auxiliaries], axis=0))
    held = np.array([u for u in disagreement if u >= 0])
    share.update(held)
    return disagreement > np.percentile(held, 100 - share.share * 100)


def correlation(kind, i):
    """How much the auxiliaries agree with the main reward: falling agreement raises p, rising lowers it."""
    return {"falling": 1 - i / 30, "rising": i / 30, "steady": 0.5}[kind]


def sequence(rng, kind, sign, start, count, batch, iterations):
    share, rows = Share(start), []
    for i in range(iterations):
        main = rng.permutation(batch).astype(float)
        mix = correlation(kind, i)
        others = [np.round(mix * main + (1 - mix) * rng.permutation(batch) + 1e-3 * rng.random(batch), 6)
                  for _ in range(count)]
        opened = gate(main, others, share, sign)
        rows.append({"main": main.astype(int).tolist(), "auxiliaries": [a.tolist() for a in others],
                     "gate": opened.astype(int).tolist(), "share": share.share})
    return {"kind": kind, "sign": "as_coded" if sign > 0 else "as_described", "start": start, "rows": rows}


def main():
    rng = np.random.default_rng(17)
    cases = [sequence(rng, "falling", 1, 0.10, 2, 12, 30), sequence(rng, "rising", 1, 0.10, 2, 12, 30),
             sequence(rng, "steady", -1, 0.15, 1, 12, 26), sequence(rng, "rising", -1, 0.03, 2, 9, 20)]
    path = pathlib.Path(__file__).parents[1] / "algorithms/fixtures/uncertainty_gate.json"
    text = json.dumps({"generator": "tests/generators/uncertainty_gate.py", "sequences": cases})
    path.write_text(text.replace('{"main"', '\n{"main"').replace('{"kind"', '\n{"kind"') + "\n")
    for case in cases:
        shares = [row["share"] for row in case["rows"]]
        print(case["kind"], case["sign"], "share", min(shares), max(shares), "open",
              sum(sum(row["gate"]) for row in case["rows"]))
    print(path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
