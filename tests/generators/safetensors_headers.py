# SPDX-License-Identifier: Apache-2.0
"""Golden fixture: a few hundred safetensors files with odd headers, and whether the reference opens them.

    python tests/generators/safetensors_headers.py            # needs safetensors, numpy

Writes tests/io/fixtures/safetensors_headers.json: a list of [what, file in hexadecimal, tensor names] where the names are
null for a file that safetensors.safe_open refuses. Some headers are written by hand, one for each rule; the others are
a valid header with one to three random edits.

Made with safetensors 0.8.
"""

import json
import pathlib
import random
import tempfile

from safetensors import safe_open

FILE = pathlib.Path(__file__).parent.parent / "io" / "fixtures" / "safetensors_headers.json"
VALID = ('{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},'
         '"b.c":{"dtype":"I64","shape":[1,1],"data_offsets":[8,16]}}')
DTYPES = ["BOOL", "U8", "I8", "I16", "U16", "I32", "U32", "I64", "U64", "F16", "BF16", "F32", "F64", "C64", "F4",
          "F6_E2M3", "F6_E3M2", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "F8_E4M3FN", "C128", "F128",
          "I4", "U4", "I128", "f32", "F32 ", "Float", ""]
BITS = {"BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "C64": 64, "C128": 128, "F128": 128, "I128": 128, "I4": 4, "U4": 4,
        "BF16": 16}


def info(dtype="F32", shape=(2,), offsets=(0, 8), more=""):
    return f'{{"dtype":{json.dumps(dtype)},"shape":{json.dumps(list(shape))},"data_offsets":{json.dumps(list(offsets))}{more}}}'


def by_hand():
    yield "valid", VALID, 16
    for dtype in DTYPES:
        digits = "".join(c for c in dtype.split("_")[0] if c.isdigit())
        bits = BITS.get(dtype, int(digits) if digits else 8)
        size = 8 * bits // 8
        yield "dtype " + dtype, f'{{"a":{info(dtype, (8,), (0, size))}}}', size
    yield "three of half a byte", f'{{"a":{info("F4", (3,), (0, 2))}}}', 2
    for what, header, data in (
            ("no tensors", "{}", 0), ("no tensors, data", "{}", 4), ("blanks behind", VALID + "   ", 16),
            ("blank before", " " + VALID, 16), ("newline before", "\n" + VALID, 16), ("array", "[]", 0), ("text", '"a"', 0),
            ("nothing", "", 0), ("zeros behind", VALID + "\0\0", 16), ("text behind", VALID + "x", 16),
            ("newlines inside", VALID.replace(",", ",\n "), 16), ("comma at the end", VALID[:-1] + ",}", 16),
            ("too little data", VALID, 15), ("too much data", VALID, 17), ("no data", VALID, 0),
            ("metadata null", f'{{"__metadata__":null,"a":{info()}}}', 8),
            ("metadata empty", f'{{"__metadata__":{{}},"a":{info()}}}', 8),
            ("metadata number", f'{{"__metadata__":{{"a":1}},"a":{info()}}}', 8),
            ("metadata nested", f'{{"__metadata__":{{"a":{{}}}},"a":{info()}}}', 8),
            ("metadata null inside", f'{{"__metadata__":{{"a":null}},"a":{info()}}}', 8),
            ("metadata list", f'{{"__metadata__":[],"a":{info()}}}', 8),
            ("metadata text", f'{{"__metadata__":"x","a":{info()}}}', 8),
            ("metadata last", f'{{"a":{info()},"__metadata__":{{"k":"v"}}}}', 8),
            ("metadata twice", f'{{"__metadata__":{{}},"__metadata__":{{}},"a":{info()}}}', 8),
            ("key of metadata twice", f'{{"__metadata__":{{"k":"1","k":"2"}},"a":{info()}}}', 8),
            ("tensor twice", f'{{"a":{info()},"a":{info()}}}', 8),
            ("key of a tensor twice", f'{{"a":{info(more=chr(44) + chr(34) + "dtype" + chr(34) + ":" + chr(34) + "F32" + chr(34))}}}', 8),
            ("unknown key", f'{{"a":{info(more=",{}:1".format(chr(34) + "x" + chr(34)))}}}', 8),
            ("unknown nested key", f'{{"a":{info(more=",{}:[{{}}]".format(chr(34) + "x" + chr(34)))}}}', 8),
            ("no dtype", '{"a":{"shape":[2],"data_offsets":[0,8]}}', 8),
            ("no shape", '{"a":{"dtype":"F32","data_offsets":[0,8]}}', 8),
            ("no offsets", '{"a":{"dtype":"F32","shape":[2]}}', 8),
            ("shape null", '{"a":{"dtype":"F32","shape":null,"data_offsets":[0,8]}}', 8),
            ("shape number", '{"a":{"dtype":"F32","shape":2,"data_offsets":[0,8]}}', 8),
            ("shape real", '{"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}', 8),
            ("shape exponent", '{"a":{"dtype":"F32","shape":[2e0],"data_offsets":[0,8]}}', 8),
            ("shape negative", '{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}', 8),
            ("shape minus nothing", '{"a":{"dtype":"F32","shape":[-0],"data_offsets":[0,0]}}', 0),
            ("shape text", '{"a":{"dtype":"F32","shape":["2"],"data_offsets":[0,8]}}', 8),
            ("shape leading zero", '{"a":{"dtype":"F32","shape":[02],"data_offsets":[0,8]}}', 8),
            ("shape true", '{"a":{"dtype":"F32","shape":[true],"data_offsets":[0,4]}}', 4),
            ("shape beyond 64 bits", '{"a":{"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,8]}}', 8),
            ("shape that overflows", f'{{"a":{info("F32", (2**33, 2**33), (0, 8))}}}', 8),
            ("shape that overflows to nothing", f'{{"a":{info("F32", (2**62, 4, 0), (0, 0))}}}', 0),
            ("shape of 2^63 and 0", f'{{"a":{info("U8", (2**63, 0), (0, 0))}}}', 0),
            ("shape too large", f'{{"a":{info("F32", (3,), (0, 8))}}}', 8),
            ("shape too small", f'{{"a":{info("F32", (1,), (0, 8))}}}', 8),
            ("scalar", f'{{"a":{info("F32", (), (0, 4))}}}', 4), ("empty", f'{{"a":{info("F32", (0,), (0, 0))}}}', 0),
            ("empty of two sizes", f'{{"a":{info("F32", (3, 0), (0, 0))}}}', 0),
            ("64 sizes", f'{{"a":{info("F32", [1] * 64, (0, 4))}}}', 4), ("65 sizes", f'{{"a":{info("F32", [1] * 65, (0, 4))}}}', 4),
            ("empty tensors at one place", f'{{"a":{info("F32", (0,), (0, 0))},"b":{info("F32", (0,), (0, 0))},"c":{info()}}}', 8),
            ("empty tensor inside", f'{{"a":{info("F32", (2,), (0, 8))},"b":{info("F32", (0,), (4, 4))}}}', 8),
            ("empty tensor behind", f'{{"a":{info("F32", (2,), (0, 8))},"b":{info("F32", (0,), (8, 8))}}}', 8),
            ("empty tensor beyond", f'{{"a":{info("F32", (2,), (0, 8))},"b":{info("F32", (0,), (9, 9))}}}', 8),
            ("gap", f'{{"a":{info("F32", (1,), (0, 4))},"b":{info("F32", (1,), (8, 12))}}}', 12),
            ("gap before", f'{{"a":{info("F32", (1,), (4, 8))}}}', 8),
            ("overlap", f'{{"a":{info("F32", (2,), (0, 8))},"b":{info("F32", (2,), (4, 12))}}}', 12),
            ("same place", f'{{"a":{info()},"b":{info()}}}', 8),
            ("other order", f'{{"b":{info("F32", (1,), (4, 8))},"a":{info("F32", (1,), (0, 4))}}}', 8),
            ("backwards", f'{{"a":{info("F32", (2,), (8, 0))}}}', 8),
            ("three offsets", f'{{"a":{info("F32", (2,), (0, 8, 8))}}}', 8), ("one offset", f'{{"a":{info("F32", (2,), (0,))}}}', 8),
            ("real offsets", '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0.0,8.0]}}', 8),
            ("negative offset", '{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}', 8),
            ("offsets null", '{"a":{"dtype":"F32","shape":[2],"data_offsets":null}}', 8),
            ("offsets object", '{"a":{"dtype":"F32","shape":[2],"data_offsets":{"0":0,"1":8}}}', 8),
            ("tensor null", '{"a":null}', 0), ("tensor list", '{"a":["F32",[2],[0,8]]}', 8), ("tensor number", '{"a":1}', 0),
            ("name empty", f'{{"":{info()}}}', 8), ("name with blanks", f'{{" a b ":{info()}}}', 8),
            ("name escaped", f'{{"\\u0061\\n\\"":{info()}}}', 8), ("name unicode", f'{{"größe✓😀":{info()}}}', 8),
            ("name with NUL", f'{{"a\\u0000b":{info()}}}', 8), ("name lone surrogate", f'{{"\\ud800":{info()}}}', 8),
            ("name surrogate pair", f'{{"\\ud83d\\ude00":{info()}}}', 8), ("name with control", f'{{"a\tb":{info()}}}', 8),
            ("name of metadata in a tensor's place", f'{{"__metadata__":{info()}}}', 8),
            ("single quotes", VALID.replace('"', "'"), 16), ("comment", "{/**/" + VALID[1:], 16), ("NaN", '{"a":NaN}', 0),
            ("deep", '{"a":' + "[" * 150 + "]" * 150 + "}", 0),
            ("deep unknown key", f'{{"a":{info(more=",{}:".format(chr(34) + "x" + chr(34)) + "[" * 100 + "]" * 100)}}}', 8)):
        yield what, header, data


def at_random():
    source = random.Random(5)
    pieces = list('{}[]:,"0123456789-.ae \\') + ["null", "true", "F32", "I64", '"a"', '"x":1,', "[]", "{}", "00", "-1", "1e1",
                                                  '"shape"', "\x7f", "é"]
    for number in range(220):
        text = VALID
        for _ in range(source.choice((1, 1, 1, 2, 3))):
            place = source.randrange(1, len(text))
            kind = source.choice(("insert", "remove", "replace", "swap"))
            length = source.choice((1, 1, 2, 5))
            if kind == "insert":
                text = text[:place] + source.choice(pieces) + text[place:]
            elif kind == "remove":
                text = text[:place] + text[place + length:]
            elif kind == "replace":
                text = text[:place] + source.choice(pieces) + text[place + length:]
            else:
                other = source.randrange(1, len(text))
                low, high = min(place, other), max(place, other)
                text = text[:low] + text[high:high + 1] + text[low + 1:high] + text[low:low + 1] + text[high + 1:]
        yield f"edit {number}", text, 16


def files():
    for what, header, data in (*by_hand(), *at_random()):
        encoded = header.encode()
        yield what, len(encoded).to_bytes(8, "little") + encoded + bytes(data)
    encoded = VALID.encode()
    for what, length in (("length 0", 0), ("length too small", len(encoded) - 1), ("length too large", len(encoded) + 1),
                         ("length beyond the file", 10**6), ("length beyond the limit", 2 * 10**8), ("length 2^63", 2**63)):
        yield what, length.to_bytes(8, "little") + encoded + bytes(16)
    yield "bytes that are not UTF-8", (len(encoded)).to_bytes(8, "little") + encoded.replace(b"b.c", b"b\xff\xfe") + bytes(16)
    for cut in (0, 4, 7, 8, 9, 40, 8 + len(encoded), 8 + len(encoded) + 15):
        yield f"cut after {cut}", (len(encoded).to_bytes(8, "little") + encoded + bytes(16))[:cut]


def names_of(path):
    try:
        with safe_open(path, framework="np") as file:
            return sorted(file.keys())
    except Exception:
        return None


def main():
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "x.safetensors"
        for what, content in files():
            path.write_bytes(content)
            rows.append([what, content.hex(), names_of(path)])
    FILE.write_text("[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]\n")
    opened = [row[0] for row in rows if row[2] is not None]
    print(len(rows), "files,", len(opened), "opened;", FILE.stat().st_size, "bytes")
    print([what for what in opened if not what.startswith("edit")])


if __name__ == "__main__":
    main()
