"""Makes the .mat files of this folder and golden.json, what scipy.io.loadmat reads from them.

    python3 make.py          (scipy 1.17, numpy 2.4)
    python3 make.py FILE…    prints what scipy reads from other files

big_endian.mat is written here byte by byte, because scipy writes in the machine's order.
"""
import json, struct, sys, warnings
import numpy as np
import scipy.io as sio
from scipy.io.matlab import MatlabObject, MatlabFunction, MatlabOpaque
from scipy.sparse import csc_matrix, issparse

INTS = [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64]


def numbers(a):
    return [str(x) for x in a.flatten(order="F").tolist()]


def node(a):
    if isinstance(a, MatlabFunction) or isinstance(a, MatlabOpaque):
        return {"skipped": True}
    if issparse(a):
        return {"skipped": True, "dims": list(a.shape)}
    n = {"dims": list(a.shape)}
    if a.dtype.names is not None:
        n["fields"] = list(a.dtype.names)
        n["elements"] = [[node(e[f]) for f in a.dtype.names] for e in a.flatten(order="F")]
        if isinstance(a, MatlabObject):
            n["class"] = a.classname
    elif a.dtype == object and isinstance(a, np.ndarray):
        n["cells"] = [node(c) for c in a.flatten(order="F")]
    elif a.dtype.kind == "U":
        del n["dims"]  # characters were joined into strings
        n["text"] = [str(s) for s in a.flatten(order="F")]
    elif a.dtype.kind == "c":
        n["dtype"] = a.real.dtype.name
        n["real"], n["imag"] = numbers(a.real), numbers(a.imag)
    else:
        n["dtype"] = a.dtype.name if a.dtype != bool else "uint8"
        n["real"] = [str(int(x)) for x in a.flatten(order="F")] if a.dtype == bool else numbers(a)
    return n


def read(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        got = sio.loadmat(path)
    return {k: node(v) for k, v in got.items() if not k.startswith("__") or k == "__function_workspace__"}


def element(kind, data):
    return struct.pack(">II", kind, len(data)) + data + b"\0" * (-len(data) % 8)


def big_endian():
    def matrix(cls, dims, name, *parts):
        body = element(6, struct.pack(">II", cls, 0)) + element(5, struct.pack(">%di" % len(dims), *dims)) + element(1, name)
        return element(14, body + b"".join(parts))

    small = struct.pack(">HH", 3, 2) + bytes([7, 8, 9, 0])  # three bytes inside the tag
    return (b"MATLAB 5.0 MAT-file, big endian".ljust(124) + struct.pack(">H", 0x0100) + b"MI"
            + matrix(6, [1, 3], b"small", small)
            + matrix(10, [2, 3], b"short", element(3, struct.pack(">6h", 1, -2, 3, -4, 5, -32768)))
            + matrix(6, [1, 2], b"double", element(9, struct.pack(">2d", 0.5, -1e300)))
            + matrix(4, [2, 2], b"text", element(4, "acbd".encode("utf-16-be")))
            + matrix(2, [1, 1], b"s", struct.pack(">HH", 4, 5) + struct.pack(">i", 8), element(1, b"x\0\0\0\0\0\0\0"),
                     matrix(9, [2, 2], b"", element(2, bytes([1, 2, 3, 255])))))


def main():
    rng = np.random.default_rng(1)
    mask = np.zeros((17, 23), np.uint8)
    mask[3:9, 4:20] = 15
    mask[6:14, 1:7] = 8
    edges = np.empty((20, 1), object)
    for i in range(20):
        edges[i, 0] = csc_matrix((mask == i + 1).astype(np.float64) if i in (7, 14) else (17, 23))
    sbd = {"GTcls": {"Boundaries": edges, "Segmentation": mask, "CategoriesPresent": np.array([[8], [15]], np.uint8)}}
    many = {"i%d" % k: rng.integers(np.iinfo(t).min, np.iinfo(t).max, (3, k + 1), dtype=t, endpoint=True) for k, t in enumerate(INTS)}
    many |= {
        "one": np.uint8(200), "row": np.arange(5, dtype=np.uint16), "empty": np.zeros((0, 3)), "single": np.float32([[1.5, -2], [np.pi, 4]]),
        "double": np.array([[1e-300, 2.5], [np.inf, -0.0]]), "cube": np.arange(24, dtype=np.int32).reshape(2, 3, 4),
        "complex": np.array([[1 + 2j, 3 - 4j, 5j]]), "yes": np.array([[True, False, True]]), "sparse": csc_matrix(np.eye(3)),
        "text": "pottedplant", "rows": np.array(["cat ", "cow ", "bird"]), "umlaut": "Bär €", "nothing": "",
        "cell": np.array([[np.uint8([[1, 2]]), "two"], [np.zeros((0, 0)), np.array([[np.float64(7), "deep"]], object)]], object),
        "nested": {"a": {"b": {"c": np.int16([[5, -6]]), "name": "x"}}, "list": np.array([1.0, 2.0])},
        "array": np.array([(1, "p"), (2, "qq")], dtype=[("num", object), ("str", object)]),
    }
    sio.savemat("sbd.mat", sbd, do_compression=True)
    sio.savemat("sbd_plain.mat", sbd, do_compression=False)
    sio.savemat("classes.mat", many, do_compression=True)
    sio.savemat("classes_plain.mat", many, do_compression=False)
    sio.savemat("level4.mat", {"a": np.arange(4.0)}, format="4")
    open("big_endian.mat", "wb").write(big_endian())
    golden = {f: read(f) for f in ["sbd.mat", "sbd_plain.mat", "classes.mat", "classes_plain.mat", "big_endian.mat"]}
    json.dump(golden, open("golden.json", "w"), indent=None, sort_keys=True, separators=(",", ":"))


if len(sys.argv) > 1:
    out = {}
    for f in sys.argv[1:]:
        try:
            out[f] = read(f)
        except Exception as e:
            out[f] = None
            print(f, repr(e)[:100], file=sys.stderr)
    json.dump(out, sys.stdout)
else:
    main()
