"""Checks a machine learning backend against Label Studio's own Python package.

    pip install label-studio-sdk numpy pillow
    LABEL_STUDIO_API_KEY=peer hdmnet serve --project /tmp/p --addr 127.0.0.1:8090 --label-studio http://127.0.0.1:8099 &
    python scripts/labelstudio_peer.py http://127.0.0.1:8090 8099

It is the Label Studio at the given port: it hands out three pictures, sends
what Label Studio sends (setup, an interactive prediction, a webhook with an annotation, a
prediction from supports), and reads the answers with the SDK: its schema of predictions must take
them, and its converter must decode each brush to the pixels that are expected.
"""
import http.server
import io
import json
import sys
import threading
import urllib.request

import numpy as np
from label_studio_sdk.converter import brush
from label_studio_sdk.label_interface import LabelInterface
from label_studio_sdk.label_interface.objects import PredictionValue
from PIL import Image

CONFIG = """<View><Image name="image" value="$image"/>
<KeyPointLabels name="point" toName="image" smart="true"><Label value="square"/></KeyPointLabels>
<RectangleLabels name="box" toName="image" smart="true"><Label value="square"/></RectangleLabels>
<BrushLabels name="brush" toName="image"><Label value="square"/></BrushLabels></View>"""
H, W = 240, 320


def picture(x0, y0, checks):
    """A square of 90 pixels, blue or checkered, on noisy gray, and its mask."""
    rng = np.random.default_rng(x0)
    pix = rng.normal(120, 6, (H, W, 3))
    mask = np.zeros((H, W), np.uint8)
    mask[y0:y0 + 90, x0:x0 + 90] = 1
    pix[mask > 0] = (40, 60, 200)
    if checks:
        yy, xx = np.mgrid[:H, :W]
        pix[(mask > 0) & ((((yy - y0) // 15) + ((xx - x0) // 15)) % 2 > 0)] = (220, 210, 90)
    out = io.BytesIO()
    Image.fromarray(pix.clip(0, 255).astype(np.uint8)).save(out, "PNG")
    return out.getvalue(), mask


PICTURES = {f"/data/upload/1/{name}.png": picture(*v) for name, v in {"a": (60, 70, True), "b": (170, 40, True), "c": (60, 70, False)}.items()}


class Studio(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        known = self.headers.get("Authorization") == "Token peer"
        content = PICTURES[self.path][0] if self.path in PICTURES else b"[]" if self.path.startswith("/api/projects/1/export") else None
        self.send_response(401 if not known else 404 if content is None else 200)
        self.end_headers()
        if known and content:
            self.wfile.write(content)

    def log_message(self, *_):
        pass


def post(path, body):
    request = urllib.request.Request(sys.argv[1] + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return answer.status, json.load(answer)


def masks(answer):
    """The brushes of the first prediction, which the SDK must take."""
    prediction = PredictionValue(**answer["results"][0])
    interface = LabelInterface(CONFIG)
    assert interface.validate_prediction(answer["results"][0]), "the SDK refuses the prediction"
    out = []
    for r in prediction.result:
        assert (r["original_height"], r["original_width"]) == (H, W)
        layers = brush.decode_from_annotation("brush", [{**r["value"], "type": r["type"], "original_width": W, "original_height": H}])
        (layer,) = layers.values()
        out.append(layer)
    return out


def iou(a, b):
    return ((a > 0) & (b > 0)).sum() / ((a > 0) | (b > 0)).sum()


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Studio)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with urllib.request.urlopen(sys.argv[1] + "/health") as answer:
        assert json.load(answer)["status"] == "UP"
    status, setup = post("/setup", {"project": "1.1700000000", "schema": CONFIG, "extra_params": {}})
    assert status == 200 and setup["model_version"], setup

    def predict(name, context=None):
        return post("/predict", {"tasks": [{"id": ord(name), "data": {"image": f"/data/upload/1/{name}.png"}}], "model_version": None,
                                 "project": "1.1700000000", "label_config": CONFIG, "params": {"login": None, "password": None, "context": context}})[1]

    size = {"original_width": W, "original_height": H, "image_rotation": 0}
    point = {**size, "type": "keypointlabels", "is_positive": 1, "value": {"x": 100 * 105 / W, "y": 100 * 115 / H, "width": 0.3, "keypointlabels": ["square"]}}
    (mask,) = masks(predict("c", {"result": [point]}))
    print(f"key point: IoU {iou(mask, PICTURES['/data/upload/1/c.png'][1]):.3f}")
    assert iou(mask, PICTURES["/data/upload/1/c.png"][1]) > 0.9

    box = {**size, "type": "rectanglelabels", "value": {"x": 100 * 60 / W, "y": 100 * 70 / H, "width": 100 * 90 / W, "height": 100 * 90 / H, "rectanglelabels": ["square"]}}
    (mask,) = masks(predict("a", {"result": [box]}))
    assert ((mask > 0) == (PICTURES["/data/upload/1/a.png"][1] > 0)).all(), "the box is not the box"

    truth = PICTURES["/data/upload/1/a.png"][1]
    drawn = {**size, "type": "brushlabels", "value": {"format": "rle", "rle": [int(b) for b in brush.mask2rle(truth * 255)], "brushlabels": ["square"]}}
    status, answer = post("/webhook", {"action": "ANNOTATION_CREATED", "annotation": {"id": 5, "task": ord("a"), "result": [drawn]},
                                       "task": {"id": ord("a"), "data": {"image": "/data/upload/1/a.png"}}, "project": {"id": 1, "label_config": CONFIG}})
    assert status == 201 and answer["status"] == "ok", answer
    version = post("/setup", {"project": "1.1700000000", "schema": CONFIG})[1]["model_version"]
    assert version != setup["model_version"], "a support does not change the version"
    found = predict("b")
    assert found["results"][0]["model_version"] == version
    found_masks = masks(found)
    assert found_masks, "nothing is found"
    for mask in found_masks:
        print(f"found in another picture: IoU {iou(mask, PICTURES['/data/upload/1/b.png'][1]):.3f}, score {found['results'][0]['score']:.3f}")
    print("as the SDK expects")


main()
