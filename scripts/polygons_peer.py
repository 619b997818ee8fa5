"""Draws hdmnet's polygons as LabelMe and Ultralytics do, and compares them with its masks.

    hdmnet predict … --query-dir DIR --format png --out E/png       and likewise
    hdmnet predict … --query-dir DIR --format labelme --simplify 0 --out E/labelme
    hdmnet predict … --query-dir DIR --format yolo --simplify 0 --out E/yolo
    pip install numpy pillow opencv-python-headless
    python3 scripts/polygons_peer.py E

LabelMe's shape_to_mask is ImageDraw.polygon with its outline. Ultralytics' polygon2mask multiplies
with the sides in float32, cuts to int32 and calls cv2.fillPoly; here at the picture's own size.
"""

import json
import pathlib
import sys

import cv2
import numpy as np
from PIL import Image, ImageDraw


def by_labelme(file, label, h, w):
    mask = np.zeros((h, w), bool)
    for shape in json.loads(file.read_text())["shapes"]:
        if shape["label"] == label:
            one = Image.new("L", (w, h))
            ImageDraw.Draw(one).polygon([tuple(p) for p in shape["points"]], outline=1, fill=1)
            mask |= np.array(one) > 0
    return mask


def by_yolo(file, number, h, w):
    mask = np.zeros((h, w), np.uint8)
    for line in file.read_text().splitlines():
        number_of, *parts = line.split()
        if int(number_of) == number:
            points = np.array(parts, np.float32).reshape(-1, 2) * np.array([w, h], np.float32)
            cv2.fillPoly(mask, [points.astype(np.int32)], 1)
    return mask > 0


def main(folder):
    classes = (folder / "png/classes.txt").read_text().splitlines()
    for file in sorted((folder / "png/masks").rglob("*.png")):
        labels = np.array(Image.open(file))
        h, w = labels.shape
        name = file.relative_to(folder / "png/masks").with_suffix("")
        for i, label in enumerate(classes):
            mask = labels == i + 1
            if not mask.any():
                continue
            print(f"{name} {label}: {mask.sum()} pixels", end="")
            for reader, drawn in (("LabelMe", by_labelme(folder / f"labelme/{name}.json", label, h, w)),
                                  ("YOLO", by_yolo(folder / f"yolo/labels/{name}.txt", i, h, w))):
                print(f"; {reader} {(drawn & ~mask).sum()} more, {(mask & ~drawn).sum()} less, IoU {(mask & drawn).sum() / (mask | drawn).sum():.4f}", end="")
            print()


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
