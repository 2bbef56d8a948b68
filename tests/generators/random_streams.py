# SPDX-License-Identifier: Apache-2.0
"""Writes tests/core/fixtures/random.json: named streams by a plain Python implementation of their definition.

Philox-4x32-10 follows Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011), table 2.
Run: python tests/generators/random_streams.py
"""
import json
import math
import pathlib
import struct

M32, M64 = 2**32 - 1, 2**64 - 1


def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & M32, (a >> 32) ^ c[3] ^ k[1], a & M32]
        k = [(k[0] + 0x9E3779B9) & M32, (k[1] + 0xBB67AE85) & M32]
    return c


def mix64(x):
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & M64
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & M64
    return x ^ (x >> 31)


def hash64(data, seed=0):
    state = 0xCBF29CE484222325 ^ mix64(seed)
    for byte in data:
        state = ((state ^ byte) * 0x100000001B3) & M64
    return mix64(state)


def words(seed, purpose, key, count):
    name = struct.pack("<QQ", seed, len(purpose.encode())) + purpose.encode() + struct.pack(f"<{len(key)}q", *key)
    low, high = hash64(name, 1), hash64(name, 2)
    out = []
    for block in range((count + 3) // 4):
        counter = [block & M32, block >> 32, high & M32, high >> 32]
        out += philox(counter, [low & M32, low >> 32])
    return out[:count]


def normals(bits):
    """Box-Muller in double precision: each block of four words gives four numbers."""
    out = []
    for i in range(0, len(bits), 2):
        u = (bits[i] + 0.5) / 2**32
        radius, angle = math.sqrt(-2 * math.log(u)), 2 * math.pi * bits[i + 1] / 2**32
        out += [radius * math.cos(angle), radius * math.sin(angle)]
    return out


def main():
    names = [(0, "", []), (42, "rollout.step_noise", [3, 1, 15, 9]), (2**64 - 1, "x", [-1]), (7, "größe", [2**62])]
    fixture = {
        "hashes": [
            {"text": t, "seed": str(s), "hash": str(hash64(t.encode(), s))}
            for t, s in [("", 0), ("a", 0), ("a", 1), ("rollout.step_noise", 2**63)]
        ],
        "streams": [
            {"seed": str(s), "purpose": p, "key": k, "words": words(s, p, k, 520), "normals": normals(words(s, p, k, 520))}
            for s, p, k in names
        ],
    }
    for stream in fixture["streams"]:
        stream["normals"] = [float(f"{x:.9g}") for x in stream["normals"]]
    path = pathlib.Path(__file__).parents[1] / "core/fixtures/random.json"
    path.write_text(json.dumps(fixture, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
