"""Runs exported graphs in onnxruntime on a golden file's episodes.

python onnx_golden.py DIR GOLDEN.safetensors
DIR holds whole.onnx, encode_support.onnx and segment_query.onnx. Prints JSON: the relative
L2 difference from `final` of the whole graph, of both halves, and of the halves with the
supports' tokens outside the masks left out.
"""
import json
import struct
import sys

import numpy as np
import onnx
import onnxruntime as ort


def tensors(path):
    with open(path, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    types = {"F32": np.float32, "U8": np.uint8, "I64": np.int64}
    out = {}
    for name, t in header.items():
        if name != "__metadata__" and t["dtype"] in types:
            lo, hi = t["data_offsets"]
            out[name] = np.frombuffer(data[lo:hi], types[t["dtype"]]).reshape(t["shape"])
    return out


def session(path):
    onnx.checker.check_model(path, full_check=True)
    return ort.InferenceSession(path, providers=["CPUExecutionProvider"])


def main(folder, golden):
    g = tensors(golden)
    query, want = g["in.query"], g["final"]
    b, size = query.shape[0], query.shape[2]
    support = g["in.support"].reshape(b, -1, 3, size, size)
    mask = g["in.support_mask"].reshape(b, -1, size, size)
    output_size = np.array(want.shape[2:], np.int64)

    def far(got):
        assert got.shape == want.shape, got.shape
        return float(np.linalg.norm((got - want).ravel()) / np.linalg.norm(want.ravel()))

    whole = session(folder + "/whole.onnx")
    feeds = {"query": query, "support": support, "support_mask": mask, "output_size": output_size}
    result = {"whole": far(whole.run(None, feeds)[0])}
    del whole

    encode, segment = session(folder + "/encode_support.onnx"), session(folder + "/segment_query.onnx")
    names = [o.name for o in encode.get_outputs()]
    encoded = dict(zip(names, encode.run(None, {"support": support, "support_mask": mask})))
    result["halves"] = far(segment.run(None, {"query": query, "output_size": output_size, **encoded})[0])

    # One query after the other, with tokens of the object alone where there are as many in all sets.
    parts = []
    for i in range(b):
        one = {k: v[i : i + 1] for k, v in encoded.items()}
        if one["keys_fine"].shape[1] == 1:
            for level in ("fine", "middle", "coarse"):
                keep = np.flatnonzero(np.abs(one["values_" + level]).sum((0, 1, 3)) > 0)
                for part in ("keys_", "values_"):
                    one[part + level] = one[part + level][:, :, keep]
        parts.append(segment.run(None, {"query": query[i : i + 1], "output_size": output_size, **one})[0])
    result["tokens of the object"] = far(np.concatenate(parts))
    print(json.dumps(result))


main(*sys.argv[1:])
