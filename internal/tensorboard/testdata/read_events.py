"""Prints as JSON what TensorBoard reads from a folder of events: scalars [[step, value], ...],
pictures [[step, width, height], ...] and hyperparameters, by tag.

python read_events.py DIR
"""
import io
import json
import sys

from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

a = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "images": 0})
a.Reload()
tags = a.Tags()
pictures = {}
for t in tags["images"]:
    for e in a.Images(t):
        size = Image.open(io.BytesIO(e.encoded_image_string)).size
        assert size == (e.width, e.height), (size, e.width, e.height)
        pictures.setdefault(t, []).append([e.step, *size])
settings = {}
for t, content in a.summary_metadata.items():
    if content.plugin_data.plugin_name == "hparams":
        data = plugin_data_pb2.HParamsPluginData.FromString(content.plugin_data.content)
        for name, v in data.session_start_info.hparams.items():
            settings[name] = getattr(v, v.WhichOneof("kind"))
        settings.setdefault("status", data.session_end_info.status) if data.HasField("session_end_info") else None
print(json.dumps({
    "scalars": {t: [[e.step, e.value] for e in a.Scalars(t)] for t in tags["scalars"]},
    "pictures": pictures,
    "settings": settings,
}))
