"""Makes prototypes.safetensors: what FSSDINO's own program finds in given features.

    python prototypes.py FSSDINO_CHECKOUT OUT

The checkout is github.com/hussni0997/fssdino; needs PyTorch and safetensors. tqdm is imported by the program
and not used: a stand-in takes its place. The program's k-means begins at random: of 20 beginnings the best
is kept.
"""
import sys
import types

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file

sys.modules["tqdm"] = types.ModuleType("tqdm")
sys.modules["tqdm"].tqdm = None
sys.path.insert(0, sys.argv[1])
from fssdino.module import FSSModule  # noqa: E402

SIZE, SIDE, CHANNELS = 64, 8, 24
rng = np.random.default_rng(5)
out = {}
kinds = rng.normal(0, 1, (6, CHANNELS))  # 3 of objects, 3 of backgrounds


def picture():
    """Features [C,h,w] and which patches show the object; its middle and its surroundings have several kinds."""
    y, x = np.mgrid[:SIDE, :SIDE]
    cy, cx = rng.uniform(2.5, SIDE - 3.5, 2)
    r = np.hypot(y - cy, x - cx)
    object_ = r < 2.6
    labels = np.where(object_, ((y + 2 * x) // 2) % 3, 3 + (y // 2 + 2 * (x // 3)) % 3)
    scale = rng.uniform(0.7, 1.4, (1, SIDE, SIDE))  # features have different lengths
    return ((kinds[labels].transpose(2, 0, 1) + rng.normal(0, 0.45, (CHANNELS, SIDE, SIDE))) * scale).astype(np.float32), object_


module = FSSModule([0, 1], [0, 1], torch.nn.Identity(), "cpu")
for name, shots, clusters in (("one", 1, 1), ("three", 3, 3), ("few", 1, 60), ("many", 2, 1)):
    pictures = [picture() for _ in range(shots + 1)]
    maps = torch.from_numpy(np.stack([p[0] for p in pictures]))
    objects = np.stack([p[1] for p in pictures[:-1]])
    masks = torch.from_numpy(np.stack([~objects, objects], 1)).float()
    supports, query = maps[:-1], maps[-1:]
    best = None
    for seed in range(20):
        torch.manual_seed(seed)
        np.random.seed(seed)
        prototypes = module.cluster_support_image_features_external(supports, masks, n_clusters=clusters)
        near = 0
        for kind, x in module.extract_class_features(supports, masks).items():
            near += (F.normalize(x) @ F.normalize(prototypes[kind]).T).max(1)[0].sum().item()
        if best is None or near > best[0] + 1e-6:
            best = near, prototypes
    prototypes = best[1]
    similar = module.add_gram_refinement(module.calculate_sim_maps(prototypes, query), supports, masks, query)
    found, _ = module.class_region_proposal(similar, SIZE)
    out[name + ".features"] = maps.numpy()
    out[name + ".objects"] = objects.astype(np.uint8)
    for kind, what in enumerate(("background", "object")):
        # in the order of their first channel
        p = F.normalize(prototypes[kind])
        out[f"{name}.{what}.prototypes"] = p[p[:, 0].argsort()].numpy()
        out[f"{name}.{what}.gram"] = similar[kind][-1].numpy()
    mask = found[1].numpy().astype(np.uint8)
    truth = np.kron(pictures[-1][1], np.ones((SIZE // SIDE, SIZE // SIDE))) > 0
    print(name, shots, [len(prototypes[k]) for k in (0, 1)], f"IoU {(truth & (mask > 0)).sum() / (truth | (mask > 0)).sum():.2f}")
    out[name + ".mask"] = mask
save_file({k: np.ascontiguousarray(v) for k, v in out.items()}, sys.argv[2], metadata={
    "size": str(SIZE), "side": str(SIDE), "channels": str(CHANNELS), "clusters": "one 1, three 3, few 60, many 1", "torch": torch.__version__})
