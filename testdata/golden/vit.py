"""Makes vit.safetensors: features of small encoders by Hugging Face's transformers (5.24) in
float64, with weights that are functions of their names in the files of Hugging Face and of
Meta. Run it in this folder; needs torch, transformers, numpy and safetensors.

    python3 vit.py
    python3 vit.py --full DIR dinov2_vits14 224x224 518x518   # a file of weights and its features at full size
"""
import argparse
import math
import os
import re

import numpy as np
import torch
import torch.nn.functional as F
import transformers
from safetensors.numpy import save_file

from ambiguity import uniform

SAMPLES = 512
# channels, heads, blocks
SIZES = {"tiny": (128, 2, 3), "vits": (384, 6, 12), "vitb": (768, 12, 12), "vitl": (1024, 16, 24)}


def value(name, shape):
    """As synth.Param, but for tokens, scales of channels and tables, which are larger."""
    u = 2 * uniform(name, math.prod(shape)) - 1
    if name.endswith(("lambda1", "gamma")):
        v = 0.76 + 0.25 * u
    elif "token" in name or "pos" in name:
        v = 0.5 * u
    elif name.endswith("bias_mask"):
        v = np.repeat([1.0, 0.0, 1.0], len(u) // 3)
    elif name.endswith("periods"):
        v = 100.0 ** (np.arange(len(u)) / len(u)) * (1 + 0.01 * u)
    elif len(shape) >= 2:
        v = u * math.sqrt(6 / math.prod(shape[1:]))
    elif name.endswith(".weight"):
        v = 0.76 + 0.25 * u
    else:
        v = 0.05 * u
    return torch.tensor(v.astype(np.float32).reshape(shape))


def picture(h, w):
    phase, noise = uniform("vit/phase", 12).reshape(3, 4), uniform("vit", 3 * h * w).reshape(3, h, w)
    y, x = np.arange(h)[:, None] / h, np.arange(w)[None] / w
    out = [np.sin(2 * np.pi * ((1 + 3 * a) * x + (1 + 3 * b) * y + d))
           + 0.7 * np.cos(2 * np.pi * ((5 + 4 * e) * x - (2 + 5 * a) * y + b)) for a, b, d, e in phase]
    return torch.tensor((np.stack(out) + 0.5 * (noise - 0.5)).astype(np.float32))[None]


def network(name):
    family, size = re.fullmatch(r"(dinov\d)_(tiny|vits|vitb|vitl)1[46](?:_reg)?", name).groups()
    c, heads, blocks = SIZES[size]
    common = dict(hidden_size=c, num_attention_heads=heads, num_hidden_layers=blocks, attn_implementation="eager")
    if family == "dinov3":
        return transformers.DINOv3ViTModel(transformers.DINOv3ViTConfig(intermediate_size=4 * c, num_register_tokens=4, **common))
    if name.endswith("_reg"):
        return transformers.Dinov2WithRegistersModel(transformers.Dinov2WithRegistersConfig(image_size=518, patch_size=14, **common))
    return transformers.Dinov2Model(transformers.Dinov2Config(image_size=518, patch_size=14, **common))


def published(name):
    """A parameter's name in Hugging Face's files."""
    for a, b in (("attention.q_proj", "attention.attention.query"), ("attention.k_proj", "attention.attention.key"),
                 ("attention.v_proj", "attention.attention.value"), ("attention.o_proj", "attention.output.dense")):
        if name.startswith("encoder."):
            name = name.replace(a, b)
    return name.removeprefix("model.")


def meta(name):
    """A parameter's name in Meta's files, and which third of the tensor it is."""
    part = re.search(r"\.([qkv])_proj\.", name)
    registers = "register_tokens" if "encoder." in name else "storage_tokens"
    for a, b in (("embeddings.cls_token", "cls_token"), ("embeddings.mask_token", "mask_token"), ("embeddings.position_embeddings", "pos_embed"),
                 ("embeddings.register_tokens", registers), ("embeddings.patch_embeddings.projection.", "patch_embed.proj."),
                 ("embeddings.patch_embeddings.", "patch_embed.proj."), ("encoder.layer.", "blocks."), ("model.layer.", "blocks."),
                 ("attention.o_proj", "attn.proj"), ("layer_scale1.lambda1", "ls1.gamma"), ("layer_scale2.lambda1", "ls2.gamma"),
                 ("mlp.up_proj", "mlp.fc1"), ("mlp.down_proj", "mlp.fc2"), ("layernorm.", "norm.")):
        name = name.replace(a, b)
    return re.sub(r"attention\.[qkv]_proj", "attn.qkv", name), "qkv".index(part[1]) if part else None


def fill(net, name, source):
    """Gives net its values and returns them as the file of the source has them."""
    state, file = net.state_dict(), {}
    for key, v in state.items():
        if source == "hf":
            file[published(key)] = state[key] = value(published(key), v.shape)
            continue
        theirs, third = meta(key)
        if key == "embeddings.register_tokens" and name.startswith("dinov2"):
            theirs = "register_tokens"
        if third is None:
            file[theirs] = state[key] = value(theirs, v.shape)
            continue
        whole = value(theirs, (3 * v.shape[0], *v.shape[1:]))
        file[theirs] = whole
        state[key] = whole[third * v.shape[0]:][:v.shape[0]]
        if name.startswith("dinov3") and theirs.endswith("bias"):
            file[theirs + "_mask"] = value(theirs + "_mask", whole.shape)
    net.load_state_dict(state)
    net.double().eval()
    if source == "meta" and name.startswith("dinov3"):
        file["rope_embed.periods"] = value("rope_embed.periods", (16,))
        net.rope_embeddings.inv_freq = (1 / file["rope_embed.periods"].double())
    if source == "meta" and name.startswith("dinov2") and not name.endswith("_reg"):
        table = net.embeddings.position_embeddings

        def by_scale(_, height, width):
            h, w = height // 14, width // 14
            if h == w == 37:
                return table
            grid = table[:, 1:].reshape(1, 37, 37, -1).permute(0, 3, 1, 2)
            grid = F.interpolate(grid, scale_factor=((h + 0.1) / 37, (w + 0.1) / 37), mode="bicubic")
            return torch.cat((table[:, :1], grid.permute(0, 2, 3, 1).flatten(1, 2)), 1)

        net.embeddings.interpolate_pos_encoding = by_scale
    return file


def features(net, x):
    """The patch tokens after each third of the blocks; those after the last are normed."""
    with torch.no_grad():
        out = net(x.double(), output_hidden_states=True)
    n, patch = len(out.hidden_states) - 1, net.config.patch_size
    maps = {f"block{k}": out.hidden_states[k] for k in (n // 3, 2 * n // 3)}
    maps[f"block{n}"] = out.last_hidden_state
    patches = x.shape[2] // patch * (x.shape[3] // patch)
    return {k: v[0, -patches:] for k, v in maps.items()}


def golden():
    out = {}
    for name, source, sizes in (("dinov2_tiny14", "hf", ((518, 518), (224, 224), (476, 476), (210, 294))), ("dinov2_tiny14", "meta", ((224, 224), (518, 294))),
                                ("dinov2_tiny14_reg", "hf", ((224, 224), (644, 266))), ("dinov2_tiny14_reg", "meta", ((210, 294),)),
                                ("dinov3_tiny16", "hf", ((224, 224), (192, 320))), ("dinov3_tiny16", "meta", ((192, 320),))):
        net = network(name)
        fill(net, name, source)
        for h, w in sizes:
            for key, v in features(net, picture(h, w)).items():
                flat, at = v.flatten().numpy(), f"{name}.{source}.{h}x{w}.{key}"
                where = np.minimum((uniform("sample/" + at, SAMPLES) * flat.size).astype(int), flat.size - 1)
                out[at] = flat[where].astype(np.float32)
    save_file(out, "vit.safetensors", {"transformers": transformers.__version__, "torch": torch.__version__})


def full(folder, name, sizes):
    os.makedirs(folder, exist_ok=True)
    for source in ("hf", "meta"):
        net = network(name)
        file = fill(net, name, source)
        save_file({k: np.ascontiguousarray(v.numpy()) for k, v in file.items()}, f"{folder}/{name}.{source}.safetensors")
        for size in sizes:
            h, w = map(int, size.split("x"))
            save_file({k: np.ascontiguousarray(v.float().numpy()) for k, v in features(net, picture(h, w)).items()},
                      f"{folder}/{name}.{source}.{size}.features.safetensors")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", nargs="+", metavar=("DIR", "NAME"))
    args = parser.parse_args()
    if args.full:
        full(args.full[0], args.full[1], args.full[2:])
    else:
        golden()
