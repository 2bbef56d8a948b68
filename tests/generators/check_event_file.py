# SPDX-License-Identifier: Apache-2.0
"""Not a generator: opens a run folder with TensorBoard's own reader and holds what it sees to the JSON files.

    python tests/generators/check_event_file.py RUN

Exit code 77 when tensorboard is not installed.
"""
import json
import pathlib
import struct
import sys

try:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
except ImportError:
    sys.exit(77)

SETTINGS = {"role": ("select",), "weights": ("ema", "base"), "set": ("prompts",)}


def as_fp32(value):
    return struct.unpack("f", struct.pack("f", value))[0]


def prefix_of(row):
    return "eval/" + "".join(row[key] + "/" for key, usual in SETTINGS.items() if key in row and row[key] not in usual)


def expected(run):
    """tag -> [(step, value)] by the JSON files."""
    found = {}
    for name in ("metrics.jsonl", "evals.jsonl"):
        for line in open(run / name):
            row = json.loads(line)
            prefix = "train/" if name == "metrics.jsonl" else prefix_of(row)
            for key, value in row.items():
                if key != "step" and isinstance(value, (int, float)):
                    found.setdefault(prefix + key, []).append((row["step"], as_fp32(value)))
    return found


def main():
    run = pathlib.Path(sys.argv[1])
    reader = EventAccumulator(str(run), size_guidance={"scalars": 0, "images": 0})
    reader.Reload()
    scalars = {tag: [(e.step, e.value) for e in reader.Scalars(tag)] for tag in reader.Tags()["scalars"]}
    wanted = expected(run)
    assert scalars == wanted, {tag: (scalars.get(tag), wanted.get(tag)) for tag in scalars.keys() | wanted.keys()
                               if scalars.get(tag) != wanted.get(tag)}
    for picture in reader.Images("samples"):
        sheet = run / "samples" / f"step_{picture.step:06d}.png"
        assert picture.encoded_image_string == sheet.read_bytes(), sheet
    assert {p.step for p in reader.Images("samples")} == {step for step, _ in wanted["eval/reward"]}
    print(f"{len(scalars)} scalars and {len(reader.Images('samples'))} pictures agree")


main()
