#!/usr/bin/env python3
"""Images per second of PyTorch's DataLoader with OpenCV: the opponent of `hdmnet bench data`.

It does what a PyTorch user of the field does: a Dataset that reads the query and K supports of an
episode with cv2.imread, turns them to RGB float32, makes the label of the class, augments (scale,
rotation, blur, flip), resizes, makes tensors and normalizes; a DataLoader with worker processes
makes batches of them. One picture, query or support, counts as one image. Needs torch, numpy and
opencv-python-headless (and Pillow if the masks are palette images).

    python3 scripts/loader_peer.py --root VOC --list VOC/list.txt --fold 0 --workers 2 --batch 4
"""
import argparse
import json
import os
import random
import tempfile
import time

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

cv2.ocl.setUseOpenCL(False)
cv2.setNumThreads(0)

MEAN = [255 * m for m in (0.485, 0.456, 0.406)]
STD = [255 * s for s in (0.229, 0.224, 0.225)]
IGNORE, MIN_AREA, CLASSES = 255, 2048, 20


def fit(image, labels, size):
    image = cv2.resize(image, (size, size), interpolation=cv2.INTER_LINEAR)
    return image, [cv2.resize(m.astype(np.float32), (size, size), interpolation=cv2.INTER_NEAREST) for m in labels]


def augment(image, labels):
    factor = random.uniform(0.9, 1.1)
    image = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)
    labels = [cv2.resize(m, None, fx=factor, fy=factor, interpolation=cv2.INTER_NEAREST) for m in labels]
    if random.random() < 0.5:
        h, w = image.shape[:2]
        matrix = cv2.getRotationMatrix2D((w / 2, h / 2), random.uniform(-10, 10), 1)
        image = cv2.warpAffine(image, matrix, (w, h), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=MEAN)
        labels = [cv2.warpAffine(m, matrix, (w, h), flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=IGNORE)
                  for m in labels]
    if random.random() < 0.5:
        image = cv2.GaussianBlur(image, (5, 5), 0)
    if random.random() < 0.5:
        image, labels = cv2.flip(image, 1), [cv2.flip(m, 1) for m in labels]
    return image, labels


def tensors(image, labels):
    image = torch.from_numpy(image.transpose(2, 0, 1)).float()
    for channel, mean, std in zip(image, MEAN, STD):
        channel.sub_(mean).div_(std)
    return image, [torch.from_numpy(m).long() for m in labels]


class Episodes(Dataset):
    def __init__(self, pairs, classes, size, shots, train):
        self.pairs, self.classes, self.size, self.shots, self.train = pairs, classes, size, shots, train
        self.base = np.zeros(256, np.uint8)
        self.base[IGNORE] = IGNORE
        for place, c in enumerate(classes):
            self.base[c] = place + 1
        self.queries, self.of_class = [], {c: [] for c in classes}
        for pair in pairs:
            counts = np.bincount(cv2.imread(pair[1], cv2.IMREAD_GRAYSCALE).ravel(), minlength=256)
            large = [c for c in classes if counts[c] >= MIN_AREA]
            for c in large:
                self.of_class[c].append(pair)
            if large:
                self.queries.append(pair)
        scarce = {c for c in classes if len(self.of_class[c]) <= shots}
        self.classes = [c for c in classes if c not in scarce]
        self.queries = [p for p in self.queries if any(p in self.of_class[c] for c in self.classes)]

    def __len__(self):
        return 1 << 20  # no pause between epochs

    def read(self, pair):
        image = cv2.imread(pair[0], cv2.IMREAD_COLOR)
        image = np.float32(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
        return image, cv2.imread(pair[1], cv2.IMREAD_GRAYSCALE)

    def of(self, label, c):
        table = np.zeros(256, np.uint8)
        table[c], table[IGNORE] = 1, IGNORE
        return cv2.LUT(label, table)

    def prepare(self, image, labels):
        if self.train:
            image, labels = augment(image, labels)
        return tensors(*fit(image, labels, self.size))

    def __getitem__(self, index):
        query = self.queries[index % len(self.queries)]
        image, label = self.read(query)
        present = np.flatnonzero(np.bincount(label.ravel(), minlength=256))
        c = random.choice([c for c in self.classes if c in present])
        image, (mask, base) = self.prepare(image, [self.of(label, c), cv2.LUT(label, self.base)])
        supports = random.sample([p for p in self.of_class[c] if p != query], self.shots)
        images, masks = [], []
        for pair in reversed(supports):
            s, m = self.read(pair)
            s, (m,) = self.prepare(s, [self.of(m, c)])
            images.append(s)
            masks.append(m)
        return image, mask, base, torch.stack(images), torch.stack(masks), self.classes.index(c)


def gray_masks(pairs, folder):
    """Palette masks as gray ones, as the field's users have them: OpenCV reads the palette's colors."""
    from PIL import Image
    for i, (image, mask) in enumerate(pairs):
        with Image.open(mask) as m:
            if m.mode == "P":
                mask = os.path.join(folder, f"{i}.png")
                cv2.imwrite(mask, np.array(m))
        yield image, mask


def private_mib(pid):
    """Memory of a process that it shares with no other: the batches on their way are not in it."""
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return sum(int(line.split()[1]) for line in f if line.startswith("Private")) / 1024


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--root", required=True)
    p.add_argument("--list", required=True, help="lines of `image mask` under the root")
    p.add_argument("--fold", type=int, default=0)
    p.add_argument("--batch", type=int, default=4)
    p.add_argument("--workers", type=int, default=2)
    p.add_argument("--size", type=int, default=473)
    p.add_argument("--shots", type=int, default=1)
    p.add_argument("--mode", choices=["train", "val"], default="train")
    p.add_argument("--seconds", type=float, default=10)
    o = p.parse_args()

    with open(o.list) as lines, tempfile.TemporaryDirectory() as folder:
        pairs = [[os.path.join(o.root, name) for name in line.split()] for line in lines if line.strip()]
        pairs = list(gray_masks(pairs, folder))
        novel = range(5 * o.fold + 1, 5 * o.fold + 6)
        classes = [c for c in range(1, CLASSES + 1) if (c in novel) == (o.mode == "val")]
        data = Episodes(pairs, classes, o.size, o.shots, o.mode == "train")
        loader = DataLoader(data, batch_size=o.batch, shuffle=o.mode == "train", num_workers=o.workers, pin_memory=False)
        batches = iter(loader)
        for _ in range(8 * max(o.workers, 1)):  # the workers' start, the files' way into memory
            next(batches)
        images, start = 0, time.perf_counter()
        while time.perf_counter() - start < o.seconds:
            images += len(next(batches)[0]) * (1 + o.shots)
        wall = time.perf_counter() - start
        workers = getattr(batches, "_workers", [])
        memory = sum(private_mib(pid) for pid in [os.getpid(), *(w.pid for w in workers)])
        if workers:
            batches._shutdown_workers()
    print(json.dumps({"images_per_second": round(images / wall, 1), "images": images, "seconds": round(wall, 2),
                      "private_mib": round(memory), "torch": torch.__version__, "opencv": cv2.__version__}))


if __name__ == "__main__":
    main()
