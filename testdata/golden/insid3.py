"""Makes insid3.safetensors: what INSID3's own program finds in given features.

    python insid3.py INSID3_CHECKOUT OUT

The checkout is github.com/visinf/INSID3; needs PyTorch, torchvision, scikit-learn, einops, Pillow 12 or
older, and safetensors. pycocotools is imported by the program and not used: a stand-in takes its place.
"""
import sys
import types

import numpy as np
import torch
from PIL import Image
from safetensors.numpy import save_file

sys.modules["pycocotools"] = types.ModuleType("pycocotools")
sys.modules["pycocotools.mask"] = types.ModuleType("pycocotools.mask")
sys.path.insert(0, sys.argv[1])
import models.insid3 as program  # noqa: E402
from utils.data import build_transform, downsample_mask, load_mask  # noqa: E402
from utils.refinement import upsample_mask  # noqa: E402

SIZE, SIDE, CHANNELS, RANK = 96, 12, 32, 10
rng = np.random.default_rng(7)
out = {}


class Encoder(torch.nn.Module):
    """Gives features that are made beforehand."""

    def get_intermediate_layers(self, x, n, reshape):
        assert n == 1 and reshape and len(x) == len(self.maps)
        return [torch.from_numpy(self.maps)]


def regions(count):
    """A picture of `count` regions, [SIDE,SIDE]."""
    centers = rng.uniform(0, SIDE, (count, 2))
    y, x = np.mgrid[:SIDE, :SIDE]
    return np.argmin((y[..., None] - centers[:, 0]) ** 2 + (x[..., None] - centers[:, 1]) ** 2, -1)


place = np.stack([f(2 * np.pi * k * g / SIDE) for k in range(1, 4) for f in (np.sin, np.cos) for g in np.mgrid[:SIDE, :SIDE]])
lay = rng.normal(0, 0.4, (CHANNELS, len(place)))
position = np.einsum("cp,pyx->cyx", lay, place)
kinds = rng.normal(0, 1, (9, CHANNELS))


def features(labels, noise):
    f = kinds[labels].transpose(2, 0, 1) + position + rng.normal(0, noise, (CHANNELS, SIDE, SIDE))
    return f.astype(np.float32)


encoder = Encoder()
black = (position + rng.normal(0, 0.2, position.shape) + 0.5).astype(np.float32)
encoder.maps = black[None]
model = program.INSID3(encoder, image_size=SIZE, svd_components=RANK, device="cpu")
basis = model.positional_basis
out["black"] = black
out["projector"] = (torch.eye(CHANNELS) - basis @ basis.T).numpy()


def case(name, shots, noise, tau, size):
    maps, masks, things = [], [], list(range(shots + 1))
    for i in range(shots + 1):
        label = regions(5)
        chosen = np.array([0, 1, 2 + i % 3, 3 + i % 4, 4 + i % 5])[label]
        things[i] = chosen
        maps.append(features(chosen, noise))
        if i < shots:
            mask = np.kron(chosen == 0, np.ones((8, 8))) > 0
            masks.append(np.roll(mask, (3, 2), (0, 1)))
    encoder.maps = np.stack(maps)
    model.tau = tau
    model._orig_tgt_size = size
    seen = {}

    def watch(where, attribute):
        function = getattr(where, attribute)

        def call(*args):
            seen[attribute] = (args, function(*args))
            return seen[attribute][1]

        setattr(where, attribute, call)
        return function

    kept = watch(program, "agglomerative_clustering"), watch(model, "_locate_candidates"), watch(model, "_seed_and_aggregate")
    mask = model.predict_mask(torch.zeros(shots, 3, SIZE, SIZE), torch.from_numpy(np.stack(masks)), torch.zeros(1, 3, SIZE, SIZE))
    program.agglomerative_clustering = kept[0]
    del model._locate_candidates, model._seed_and_aggregate
    out[name + ".features"] = encoder.maps
    out[name + ".masks"] = np.stack(masks).astype(np.uint8)
    out[name + ".prototype"] = seen["_locate_candidates"][0][3][:, 0].numpy()
    out[name + ".candidates"] = seen["_locate_candidates"][1].numpy().astype(np.uint8)
    out[name + ".clusters"] = seen["agglomerative_clustering"][1].numpy().astype(np.uint8)
    out[name + ".patches"] = seen["_seed_and_aggregate"][1].numpy().astype(np.uint8)
    out[name + ".mask"] = mask.numpy().astype(np.uint8)
    print(name, "candidates", int(out[name + ".candidates"].sum()), "clusters", len(np.unique(out[name + ".clusters"])),
          "patches", int(out[name + ".patches"].sum()), "mask", int(out[name + ".mask"].sum()))


case("one", 1, 0.5, 0.6, (75, 130))
case("three", 3, 0.8, 0.6, (200, 96))
case("two", 2, 1.2, 0.7, (64, 33))

# The object's patches of masks that fit no patch: of some pixels of a patch's middle, of one on a place
# that the nearest resize takes, of a few elsewhere.
marks = np.zeros((4, SIZE, SIZE), np.uint8)
marks[0, 43:45, 51:53] = marks[0, 20:70, 5:61] = 1
marks[1, 40, 56] = 1
marks[2, 37, 61] = marks[2, 39, 62] = marks[2, 44, 70] = 1
marks[3, 95, 95] = 1
out["marks"] = marks
out["marks.patches"] = np.stack([downsample_mask(torch.from_numpy(m > 0)[None, None], SIDE, SIDE).numpy() for m in marks]).astype(np.uint8)

# Resizing.
for name, (h, w), size in [("shrink", (50, 81), 32), ("grow", (31, 20), 48), ("along", (32, 90), 32)]:
    picture = rng.integers(0, 256, (h, w, 3), dtype=np.uint8)
    resized = build_transform(size).transforms[0](Image.fromarray(picture))
    out[name], out[name + ".resized"] = picture, np.array(resized)
    label = (rng.uniform(size=(h, w)) < 0.4).astype(np.uint8)
    out[name + ".label"] = label
    out[name + ".label.resized"] = load_mask(torch.from_numpy(label), size, "cpu")[0].numpy().astype(np.uint8)
    for other in [(h, w), (77, 130)]:
        up = upsample_mask(torch.from_numpy(out[name + ".label.resized"] > 0), *other)
        out[f"{name}.enlarged.{other[0]}x{other[1]}"] = up.numpy().astype(np.uint8)

save_file({k: np.ascontiguousarray(v) for k, v in out.items()}, sys.argv[2],
          {"made_by": "visinf/INSID3 f1c9622, PyTorch " + torch.__version__})
