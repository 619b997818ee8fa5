#!/usr/bin/env python3
"""One prediction by a PyTorch HDMNet: the opponent of `hdmnet predict` from start to first result.

It does what a user's script does: import torch, build the network, load weights, read and normalize the
pictures, run the network, write the mask. The network is the class HDMNet of hdmnet_torch.py in the folder
of --peer. Needs torch, numpy and Pillow. --make writes weights to try it with.

    python3 scripts/predict_peer.py --peer PATH/bench.py --make weights.pth
    python3 scripts/predict_peer.py --peer PATH/bench.py --weights weights.pth --support a.jpg:a.png --query b.jpg --out mask.png
"""
import argparse
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

MEAN = 255 * np.array([0.485, 0.456, 0.406], np.float32)
STD = 255 * np.array([0.229, 0.224, 0.225], np.float32)


def picture(path, size):
    with Image.open(path) as image:
        shape = image.height, image.width
        x = np.asarray(image.convert("RGB").resize((size, size), Image.BILINEAR), np.float32)
    return torch.from_numpy(((x - MEAN) / STD).transpose(2, 0, 1).copy()), shape


def object_mask(path, size):
    with Image.open(path) as image:
        m = np.asarray(image.resize((size, size), Image.NEAREST))
    return torch.from_numpy(np.where(m == 255, 255, m > 0).astype(np.float32))


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--peer", required=True, help="a file beside hdmnet_torch.py")
    p.add_argument("--dataset", default="pascal")
    p.add_argument("--size", type=int, default=473)
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--make", help="write weights to this file and do nothing else")
    p.add_argument("--weights")
    p.add_argument("--support", help="IMAGE:MASK")
    p.add_argument("--query")
    p.add_argument("--out", default="mask.png")
    a = p.parse_args()
    sys.path.insert(0, os.path.dirname(os.path.abspath(a.peer)))
    from hdmnet_torch import HDMNet

    if a.threads:
        torch.set_num_threads(a.threads)
    model = HDMNet(a.dataset, 1)
    if a.make:
        from check import fill
        torch.save(fill(model).state_dict(), a.make)
        return
    model.load_state_dict(torch.load(a.weights, weights_only=True, mmap=True), assign=True)
    model.eval()
    image, mask = a.support.split(":")
    support, _ = picture(image, a.size)
    query, shape = picture(a.query, a.size)
    with torch.inference_mode():
        final = model(query[None], support[None, None], object_mask(mask, a.size)[None, None])[0]
        labels = F.interpolate(final, shape, mode="bilinear", align_corners=True).argmax(1)
    Image.fromarray(255 * labels[0].to(torch.uint8).numpy()).save(a.out)


if __name__ == "__main__":
    main()
