# SPDX-License-Identifier: Apache-2.0
"""Golden fixture of the advantages: the conventions of the peers' trainers in NumPy, double precision.

    python tests/generators/advantages.py            # needs numpy

Writes tests/algorithms/fixtures/advantages.json: groups of rewards (null = the score failed) and, per convention, the
advantages and which members train. The formulas are those of Flow-GRPO (batch_std, eps added), DanceGRPO (group, ddof
1), Flow-Factory (floored std) and GARDO (no_std), crossed with the other choices.
"""

import itertools
import json
import pathlib

import numpy as np

FOLDER = pathlib.Path(__file__).parent.parent / "algorithms" / "fixtures"


def draw_groups(rng):
    groups = [list(rng.uniform(0, 1, 6)), list(rng.normal(3, 2, 4)), list(rng.integers(0, 2, 8).astype(float)),
              [0.3, 0.3, 0.3], [0.7, None, 0.7], [1.5, None], [None, None], [40.0] + [0.0] * 40]
    groups[0][2] = None
    groups[1][0] = None
    return groups


def advantages(groups, kind, scope, ddof, eps, form, clip, zero):
    scored = [np.array([r for r in group if r is not None]) for group in groups]
    everything = np.concatenate(scored)
    whole_batch = scope == "batch" or (scope == "auto" and kind == "batch_std")
    out, trained = [], []
    for group, rewards in zip(groups, scored):
        source = everything if whole_batch else rewards
        std = source.std(ddof=ddof) if len(source) > ddof else 0.0
        scale = 1.0 if kind == "no_std" else (std + eps if form == "add" else max(std, eps))
        flat = len(rewards) < 2 or np.ptp(rewards) == 0
        row = [0.0 if r is None or flat else float(np.clip((r - rewards.mean()) / scale, -clip, clip)) for r in group]
        out.append(row)
        trained.append([int(r is not None and (zero == "keep" or a != 0)) for r, a in zip(group, row)])
    return out, trained


def main():
    groups = draw_groups(np.random.default_rng(11))
    cases = []
    axes = itertools.product(["group", "batch_std", "no_std"], ["auto", "group", "batch"], [0, 1],
                             [(1e-4, "add"), (1e-8, "add"), (1e-6, "floor"), (0.7, "floor")], [5.0, 1.25],
                             ["keep", "drop"])
    for kind, scope, ddof, (eps, form), clip, zero in axes:
        values, trained = advantages(groups, kind, scope, ddof, eps, form, clip, zero)
        cases.append({"kind": kind, "std_scope": scope, "std_ddof": ddof, "std_eps": eps, "std_eps_form": form,
                      "clip": clip, "zero": zero, "advantages": values, "trained": trained})
    kept = cases[::5]  # 5 divides none of the axes, so every choice of each stays; the file stays small
    FOLDER.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"generator": "tests/generators/advantages.py", "groups": groups, "cases": kept})
    (FOLDER / "advantages.json").write_text(text.replace('{"kind"', '\n{"kind"') + "\n")
    print(len(kept), "cases")


if __name__ == "__main__":
    main()
