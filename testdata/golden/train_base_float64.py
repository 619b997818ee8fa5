"""Writes train_base_pascal_resnet50_float64.safetensors: the first step of the case
train_base_pascal_resnet50 in float64, by a plain PyTorch twin of the base learner.

    python3 train_base_float64.py            # needs torch, numpy, safetensors

`grad.<param>` as in the float32 file: L2 norm, sum, 32 samples. `close.*` are the inputs
of ReLUs next to zero, where float32 may see the other sign: the number of the ReLU in the
order of the forward pass (the pyramid's from the finest level to the coarsest), the flat
position in NHWC order, and whether float64 lets the gradient pass.

With --noise it writes nothing, but prints how far PyTorch's float32 is from this float64,
free and with the ReLUs' masks held at float64's.
"""
import argparse
import os

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file
from torch import nn

CASE, BATCH, SIZE, CLASSES = "train_base_pascal_resnet50", 2, 97, 16
CLOSE = 1e-3  # features of up to 1.8e-4 changed their sign (--noise)


# ---- weights and inputs from their names, as internal/synth makes them
def uniform(name, n):
    h = 0xCBF29CE484222325
    for b in name.encode():
        h = ((h ^ b) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    with np.errstate(over="ignore"):
        z = np.uint64(h) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (z >> np.uint64(11)).astype(np.float64) / 2.0**53


def param(name, shape):
    u = 2 * uniform(name, int(np.prod(shape))) - 1
    if len(shape) >= 2:
        v = u * np.sqrt(6.0 / np.prod(shape[1:]))
    elif name.endswith("running_var"):
        v = 1 + 0.25 * u
    elif name.endswith(".weight"):
        v = 0.76 + 0.25 * u
    else:
        v = 0.05 * u
    return torch.from_numpy(v.astype(np.float32).reshape(shape))


def image(name):
    phase = uniform(name + "/phase", 12).reshape(3, 4)
    y, x = np.arange(SIZE)[:, None] / SIZE, np.arange(SIZE)[None, :] / SIZE
    out = np.stack([np.sin(2 * np.pi * ((1 + 3 * a) * x + (1 + 3 * b) * y + d))
                    + 0.7 * np.cos(2 * np.pi * ((5 + 4 * e) * x - (2 + 5 * a) * y + b)) for a, b, d, e in phase])
    return (out + 0.5 * (uniform(name, out.size) - 0.5).reshape(out.shape)).astype(np.float32)


def labels(name):
    cells = -(-SIZE // 16)
    v = np.floor(uniform(name, cells * cells) * (CLASSES + 0.999)).astype(np.int64).reshape(cells, cells)
    v[v >= CLASSES] = 255
    return np.kron(v, np.ones((16, 16), np.int64))[:SIZE, :SIZE]


# ---- ReLUs whose gradient passes where another run's did
class HeldReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, passes):
        ctx.passes = passes
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, dy):
        return dy * ctx.passes, None


class Signs:
    """The ReLUs of one pass, in order: what their inputs were, or the masks to hold."""

    def __init__(self, held=None):
        self.inputs, self.held = [], held

    def relu(self, x):
        self.inputs.append(x.detach())
        return F.relu(x) if self.held is None else HeldReLU.apply(x, self.held[len(self.inputs) - 1])


# ---- the base learner
def conv_bn(cin, cout, k=1, stride=1, dilation=1):
    return [nn.Conv2d(cin, cout, k, stride, dilation * (k // 2), dilation, bias=False), nn.BatchNorm2d(cout)]


class Bottleneck(nn.Module):
    def __init__(self, cin, width, stride, dilation, shortcut):
        super().__init__()
        self.conv1, self.bn1 = conv_bn(cin, width)
        self.conv2, self.bn2 = conv_bn(width, width, 3, stride, dilation)
        self.conv3, self.bn3 = conv_bn(width, 4 * width)
        self.downsample = nn.Sequential(*conv_bn(cin, 4 * width, 1, stride)) if shortcut else nn.Identity()

    def forward(self, x, relu):
        y = relu(self.bn1(self.conv1(x)))
        y = relu(self.bn2(self.conv2(y)))
        return relu(self.bn3(self.conv3(y)) + self.downsample(x))


class BaseLearner(nn.Module):
    def __init__(self):
        super().__init__()
        skip = nn.Identity()  # where the released network has a ReLU or a pooling
        self.layer0 = nn.Sequential(*conv_bn(3, 64, 3, 2), skip, *conv_bn(64, 64, 3), skip, *conv_bn(64, 128, 3))
        cin = 128
        for i, (blocks, stride, dilation) in enumerate(((3, 1, 1), (4, 2, 1), (6, 1, 2), (3, 1, 4)), 1):
            width = 32 << i
            layer = [Bottleneck(cin if b == 0 else 4 * width, width, stride if b == 0 else 1, dilation, b == 0) for b in range(blocks)]
            setattr(self, f"layer{i}", nn.ModuleList(layer))
            cin = 4 * width
        self.ppm = nn.Module()
        self.ppm.features = nn.ModuleList(nn.Sequential(nn.AdaptiveAvgPool2d(b), *conv_bn(2048, 512)) for b in (1, 2, 3, 6))
        self.cls = nn.Sequential(*conv_bn(4096, 512, 3), skip, skip, nn.Conv2d(512, CLASSES, 1))

    def forward(self, x, relu):
        for i in (0, 3, 6):
            x = relu(self.layer0[i + 1](self.layer0[i](x)))
        x = F.max_pool2d(x, 3, 2, 1)
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            for block in layer:
                x = block(x, relu)
        levels = [relu(f(x)) for f in reversed(self.ppm.features)]
        up = [F.interpolate(p, x.shape[2:], mode="bilinear", align_corners=True) for p in reversed(levels)]
        return self.cls[4](relu(self.cls[1](self.cls[0](torch.cat([x, *up], 1)))))


def step(dtype, held=None):
    """The gradients of step 1 in float64, and the ReLUs' inputs."""
    net = BaseLearner()
    release = lambda name: name.replace("layer", "encoder.", 1) if name.startswith("layer") else name
    net.load_state_dict({n: param(release(n), tuple(v.shape)) if v.dtype.is_floating_point else v for n, v in net.state_dict().items()})
    net = net.to(dtype).train()
    x = torch.from_numpy(np.stack([image(f"{CASE}/step1/image/{b}") for b in range(BATCH)])).to(dtype)
    y = torch.from_numpy(np.stack([labels(f"{CASE}/step1/label/{b}") for b in range(BATCH)]))
    signs = Signs(held)
    logits = F.interpolate(net(x, signs.relu), (SIZE, SIZE), mode="bilinear", align_corners=True)
    F.cross_entropy(logits, y, ignore_index=255).backward()
    return {n: p.grad.double().numpy().ravel() for n, p in net.named_parameters()}, signs.inputs


def noise(grads, inputs):
    masks = [x > 0 for x in inputs]
    for what, held in (("free", None), ("held", masks)):
        got, seen = step(torch.float32, held)
        worst = {}
        for n, g in grads.items():
            part = n[: n.index(".")]
            part = "backbone" if part.startswith("layer") else part if part == "ppm" else n
            worst[part] = max(worst.get(part, 0), np.linalg.norm(got[n] - g) / np.linalg.norm(g))
        print(what, {k: f"{v:.1e}" for k, v in worst.items()})
    flips = [x[(x > 0) != (s > 0)].abs() for x, s in zip(inputs, seen)]
    print(sum(len(f) for f in flips), "signs differ, of features of at most", max(f.max().item() for f in flips if len(f)))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--noise", action="store_true")
    o = p.parse_args()
    grads, inputs = step(torch.float64)
    if o.noise:
        noise(grads, inputs)
        return
    out, close = {}, []
    for n, g in grads.items():
        at = np.minimum((uniform("sample/" + n, 32) * g.size).astype(np.int64), g.size - 1)
        out["grad." + n] = np.array([np.linalg.norm(g), g.sum(), *g[at]], np.float32)
    for k, x in enumerate(inputs):
        x = x.permute(0, 2, 3, 1).reshape(-1).numpy()
        close += [(k, i, x[i] > 0) for i in np.flatnonzero(np.abs(x) < CLOSE)]
    relu, at, passes = zip(*close)
    out.update({"close.relu": np.array(relu, np.uint8), "close.at": np.array(at, np.int64), "close.passes": np.array(passes, np.uint8)})
    save_file(out, os.path.join(os.path.dirname(os.path.abspath(__file__)), CASE + "_float64.safetensors"),
              {"case": CASE, "relus": str(len(inputs))})
    print(f"{len(close)} features next to zero, of {sum(x.numel() for x in inputs)}, in {len(inputs)} ReLUs")


if __name__ == "__main__":
    main()
