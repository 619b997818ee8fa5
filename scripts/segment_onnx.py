"""Segments a picture with a network that `hdmnet export onnx` wrote; needs numpy, pillow, onnxruntime.

python segment_onnx.py net.onnx query.jpg out.png cat1.jpg:cat1_mask.png [cat2.jpg:cat2_mask.png ...]
"""
import sys

import numpy as np
import onnxruntime as ort
from PIL import Image, ImageOps


def picture(path):
    """The pixels of a picture, upright, and the network's input made of them."""
    pixels = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    width, height = pixels.size
    step = (width / size, 0, 0, 0, height / size, 0)  # bilinear, half-pixel centers, no antialiasing
    planes = [c.convert("F").transform((size, size), Image.AFFINE, step, Image.BILINEAR) for c in pixels.split()]
    return pixels, ((np.stack(planes) - mean[:, None, None]) / std[:, None, None]).astype(np.float32)


def object_mask(path):
    """1 where the mask, a PNG of gray levels or palette indices, marks the object (neither 0 nor 255)."""
    mask = np.asarray(Image.open(path))
    rows, columns = (np.arange(size) * n // size for n in mask.shape)
    mask = mask[rows][:, columns]
    return ((mask != 0) & (mask != 255)).astype(np.uint8)


net, query, out, *supports = sys.argv[1:]
session = ort.InferenceSession(net)
meta = session.get_modelmeta().custom_metadata_map
size = int(meta["size"])
mean, std = (np.array([float(v) for v in meta[key].split(",")]) for key in ("mean", "std"))

pairs = [s.rsplit(":", 1) for s in supports]
pixels, x = picture(query)
logits = session.run(["logits"], {
    "query": x[None],  # [queries, 3, size, size]
    "support": np.stack([picture(image)[1] for image, _ in pairs])[None],  # [sets, shots, 3, size, size]
    "support_mask": np.stack([object_mask(mask) for _, mask in pairs])[None],
    "output_size": np.array([pixels.height, pixels.width]),
})[0][0]  # [2, height, width]: background, object
found = logits[1] > logits[0]
Image.fromarray(found.astype(np.uint8) * 255).save(out)
print(f"{query}: {100 * found.mean():.1f}% object, wrote {out}")
