"""Compares `hdmnet predict --method insid3` with INSID3's own program, on a custom data set.

    python scripts/insid3_compare.py --program CHECKOUT --weights dinov3_vits16.safetensors --data FOLDER

CHECKOUT is a clone of github.com/visinf/INSID3, the weights are Hugging Face's of a DINOv3 encoder, and
FOLDER has list.txt and classes.txt as hdmnet data prepare writes them. Of every class some pictures
are supports, and others queries. The program runs with PyTorch on the CPU, its encoder being
transformers' (in evaluation mode, also for the subspace of positions). Needs torch, torchvision,
transformers, scikit-learn, einops, Pillow 12 or older (13 resizes some pictures in another order) and safetensors.

With --control, the program runs once more with an encoder in float64, to tell how many masks its
own rounding changes. It changes many where the features of a black picture have less than --components
directions above rounding, as those of random weights do.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile
import time
import types

import numpy as np
import torch
import transformers
from PIL import Image
from safetensors.torch import load_file

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--program", required=True)
parser.add_argument("--hdmnet", default="bin/hdmnet")
parser.add_argument("--weights", required=True)
parser.add_argument("--data", required=True, type=pathlib.Path)
parser.add_argument("--size", type=int, default=1024)
parser.add_argument("--components", type=int, default=20)
parser.add_argument("--tau", type=float, default=0.6)
parser.add_argument("--merge", type=float, default=0.2)
parser.add_argument("--shots", type=int, default=1)
parser.add_argument("--classes", type=int, default=5)
parser.add_argument("--queries", type=int, default=3)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--control", action="store_true")
args = parser.parse_args()

for name in ("pycocotools", "pycocotools.mask"):  # imported by the program, and not used here
    sys.modules[name] = types.ModuleType(name)
sys.path.insert(0, args.program)
from models.insid3 import INSID3  # noqa: E402


class Encoder(torch.nn.Module):
    def __init__(self, path, dtype=torch.float32):
        super().__init__()
        self.dtype = dtype
        state = load_file(path)
        channels = state["embeddings.cls_token"].shape[-1]
        blocks = 1 + max(int(k.split(".")[1]) for k in state if k.startswith("layer."))
        config = transformers.DINOv3ViTConfig(hidden_size=channels, num_attention_heads=channels // 64, num_hidden_layers=blocks,
                                              intermediate_size=4 * channels, num_register_tokens=4)
        self.net = transformers.DINOv3ViTModel(config)
        own = self.net.state_dict()
        for key in own:
            own[key] = state[key.removeprefix("model.")]
        self.net.load_state_dict(own)
        self.eval()
        self.net.to(dtype)

    def get_intermediate_layers(self, x, n, reshape):
        h, w = x.shape[2] // 16, x.shape[3] // 16
        maps = [self.net(one[None].to(self.dtype)).last_hidden_state[:, 5:].transpose(1, 2).reshape(1, -1, h, w) for one in x]
        return [torch.cat(maps).float()]


def entries():
    out = []
    for line in (args.data / "list.txt").read_text().splitlines():
        image, mask = line.split()
        out.append((args.data / image, args.data / mask))
    return out


rng = np.random.default_rng(args.seed)
pictures = entries()
classes = {}
for image, mask in pictures:
    values, counts = np.unique(np.array(Image.open(mask)), return_counts=True)
    for v, n in zip(values, counts):
        if 0 < v < 255 and n > 1000:
            classes.setdefault(int(v), []).append((image, mask))
usable = [c for c, of in classes.items() if len(of) > args.shots]


def program(dtype):
    return INSID3(Encoder(args.weights, dtype), image_size=args.size, svd_components=args.components, tau=args.tau,
                  merge_threshold=args.merge, device="cpu")


def segment(model, supports, query):
    for image, mask in supports:
        model.set_reference(str(image), str(mask))
    model.set_target(str(query))
    return model.segment().numpy()


model = program(torch.float32)
control = program(torch.float64) if args.control else None
same = steady = total = 0
with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    for c in rng.permutation(usable)[: args.classes]:
        chosen = [classes[c][i] for i in rng.permutation(len(classes[c]))]
        supports, queries = [], [image for image, _ in chosen[args.shots:][: args.queries]]
        for i, (image, mask) in enumerate(chosen[: args.shots]):
            binary = folder / f"{c}_{i}.png"
            Image.fromarray((np.array(Image.open(mask)) == c).astype(np.uint8)).save(binary)
            supports.append((image, binary))
        out = folder / str(c)
        command = [args.hdmnet, "predict", "--method", "insid3", "--weights", args.weights, "--out", out, "--device", "cpu",
                   "--set", f"insid3.size={args.size}", "--set", f"insid3.components={args.components}",
                   "--set", f"insid3.tau={args.tau}", "--set", f"insid3.merge={args.merge}"]
        for image, mask in supports:
            command += ["--support", f"{image}:{mask}"]
        for q in queries:
            command += ["--query", q]
        start = time.time()
        subprocess.run(command, check=True, capture_output=True)
        ours = time.time() - start
        start = time.time()
        for q in queries:
            theirs = segment(model, supports, q)
            mask = np.array(Image.open(out / f"{q.stem}_mask.png")) > 0
            off = int((mask != theirs).sum())
            total, same = total + 1, same + (off == 0)
            if control:
                drift = int((segment(control, supports, q) != theirs).sum())
                steady += drift == 0
            print(f"class {c}, {q.name}: object {theirs.mean():.1%}, {off} of {mask.size} pixels differ"
                  + (f", {drift} of the program by itself" if control else ""), flush=True)
        print(f"class {c}: hdmnet {ours:.1f} s with its start, the program {time.time() - start:.1f} s without", flush=True)
print(f"{same} of {total} masks are the same" + (f"; {steady} of the program by itself in float64" if control else ""))
