"""Makes internal/labelstudio/testdata/brushes.json with Label Studio's own encoder and decoder.

    pip install label-studio-sdk==2.1.2 numpy
    python scripts/labelstudio_golden.py internal/labelstudio/testdata/brushes.json

Every case is a mask (1: the object) and its brush. Where "exact" is true the brush is that of
mask2rle, and hdmnet must write the same bytes; else it is another brush of the format that must
be read as that mask (colors, soft edges, other sizes of lengths).
"""
import json
import sys

import numpy as np
from label_studio_sdk.converter import brush


def rows(mask):
    return ["".join("#" if v else "." for v in row) for row in mask]


def encode(values, bits=8, sizes=(3, 4, 8, 16)):
    """The format with any sizes of lengths, written bit by bit from its definition."""
    out = f"{len(values):032b}{bits - 1:05b}" + "".join(f"{s - 1:04b}" for s in sizes)
    i = 0
    while i < len(values):
        j = i
        while j < len(values) and values[j] == values[i] and j - i < 2 ** sizes[3]:
            j += 1
        if j - i > 1:
            k = next(k for k in range(4) if j - i <= 2 ** sizes[k])
            out += f"1{k:02b}" + format(j - i - 1, f"0{sizes[k]}b") + format(values[i], f"0{bits}b")
        else:
            while j < len(values) and (j + 1 == len(values) or values[j] != values[j + 1]) and j - i < 2 ** sizes[0]:
                j += 1
            out += "000" + format(j - i - 1, f"0{sizes[0]}b") + "".join(format(v, f"0{bits}b") for v in values[i:j])
        i = j
    out += "0" * (-len(out) % 8)
    return [int(out[k:k + 8], 2) for k in range(0, len(out), 8)]


def main():
    rng = np.random.default_rng(18)
    cases = []
    yy, xx = np.mgrid[:29, :37]
    masks = {
        "empty": np.zeros((5, 7), int), "full": np.ones((3, 4), int), "one pixel": np.ones((1, 1), int), "checkers": (yy + xx) % 2,
        "disc": ((yy - 14) ** 2 + (xx - 17) ** 2 < 100) * 1, "noise": rng.integers(0, 2, (16, 16)), "last": np.eye(9, dtype=int),
        "aligned": np.ones((2, 1), int), "long": np.zeros((129, 128), int),
    }
    for name, mask in masks.items():
        rle = brush.mask2rle((mask * 255).astype(np.uint8))
        assert (brush.decode_rle(rle).reshape(*mask.shape, 4)[:, :, 3] > 0).tolist() == (mask > 0).tolist()
        cases.append({"name": name, "exact": True, "mask": rows(mask), "rle": [int(b) for b in rle]})
    rgba = rng.integers(0, 3, (11, 13, 4)) * 70
    rgba[3:6, 2:9] = (10, 20, 30, 128)
    for name, sizes in {"colors": (3, 4, 8, 16), "other sizes": (2, 5, 7, 12)}.items():
        rle = encode([int(v) for v in rgba.reshape(-1)], sizes=sizes)
        decoded = brush.decode_rle(rle).reshape(rgba.shape)
        assert (decoded == rgba).all()
        cases.append({"name": name, "exact": False, "mask": rows(decoded[:, :, 3]), "rle": rle})
    with open(sys.argv[1], "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")


main()
