"""Makes ambiguity_*.safetensors: HDMNet with ambiguity elimination (AENet, ECCV 2024) in plain
PyTorch, float64, dropout off, written from the papers' formulas. Weights and inputs are functions
of their names, as in README.md. Run it in this folder; needs torch, numpy and safetensors.
"""
import math

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file

SIZE, BATCH, CLASSES, PENALTY = 97, 2, 16, 100.0
NAMED = {}  # the parameters by name, made when they are first used
FROZEN = ("layer", "ppm.", "cls.", "base_learnear.", "kshot_rw.")


# ---------------------------------------------------------------- values by name
def uniform(name, n):
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = ((seed ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (z >> np.uint64(11)).astype(np.float64) / 2.0**53


def param(name, *shape):
    if name not in NAMED:
        u = 2 * uniform(name, math.prod(shape)) - 1
        if len(shape) > 1:
            v = u * math.sqrt(6 / math.prod(shape[1:]))
        elif name.endswith("running_var"):
            v = 1 + 0.25 * u
        elif name.endswith(".weight"):
            v = 0.76 + 0.25 * u
        else:
            v = 0.05 * u
        fixed = name.startswith(FROZEN) or ".running_" in name
        NAMED[name] = torch.tensor(v.astype(np.float32).reshape(shape)).double().requires_grad_(not fixed)
    return NAMED[name]


def image(name):
    phase, noise = uniform(name + "/phase", 12).reshape(3, 4), uniform(name, 3 * SIZE * SIZE).reshape(3, SIZE, SIZE)
    y, x = np.arange(SIZE)[:, None] / SIZE, np.arange(SIZE)[None] / SIZE
    out = [np.sin(2 * np.pi * ((1 + 3 * a) * x + (1 + 3 * b) * y + d))
           + 0.7 * np.cos(2 * np.pi * ((5 + 4 * e) * x - (2 + 5 * a) * y + b)) for a, b, d, e in phase]
    return torch.tensor((np.stack(out) + 0.5 * (noise - 0.5)).astype(np.float32)).double()


def mask(name, shrink=1.0):
    a, b, c, d = uniform(name, 4)
    y, x = np.arange(SIZE)[:, None], np.arange(SIZE)[None]
    r = ((y - (0.35 + 0.3 * a) * SIZE) / ((0.15 + 0.2 * c) * SIZE)) ** 2 + ((x - (0.35 + 0.3 * b) * SIZE) / ((0.15 + 0.2 * d) * SIZE)) ** 2
    r = r / shrink**2
    return torch.tensor(np.where(r < 1, 1, np.where(r < 1.1, 255, 0)))


# ---------------------------------------------------------------- layers by name, NCHW
def conv(x, name, out, k, stride=1, pad=0, dilation=1, bias=False, groups=1):
    b = param(name + ".bias", out) if bias else None
    return F.conv2d(x, param(name + ".weight", out, x.shape[1] // groups, k, k), b, stride, pad, dilation, groups)


def norm(x, name):
    w, b, mean, var = (param(name + part, x.shape[1]) for part in (".weight", ".bias", ".running_mean", ".running_var"))
    return F.batch_norm(x, mean, var, w, b)


def layer_norm(x, name):  # over the channels of a map
    return F.layer_norm(x.movedim(1, -1), (x.shape[1],), param(name + ".weight", x.shape[1]), param(name + ".bias", x.shape[1]), 1e-6).movedim(-1, 1)


def linear(x, name, out, bias=False):  # of a map
    return F.linear(x.movedim(1, -1), param(name + ".weight", out, x.shape[1]), param(name + ".bias", out) if bias else None).movedim(-1, 1)


def bilinear(x, hw, align):
    return F.interpolate(x, hw, mode="bilinear", align_corners=align)


def tokens(x):  # [B,C,h,w] to [B,h·w,C]
    return x.flatten(2).transpose(1, 2)


def masked_mean(x, m):
    return (x * m).sum((2, 3)) / (m.sum((2, 3)) + 0.0005)


# ---------------------------------------------------------------- backbone "tiny" and base learner
def bottleneck(x, name, width, stride, dilation):
    y = F.relu(norm(conv(x, name + ".conv1", width, 1), name + ".bn1"))
    y = F.relu(norm(conv(y, name + ".conv2", width, 3, stride, dilation, dilation), name + ".bn2"))
    y = norm(conv(y, name + ".conv3", 4 * width, 1), name + ".bn3")
    return F.relu(y + norm(conv(x, name + ".downsample.0", 4 * width, 1, stride), name + ".downsample.1"))


def features(x):
    for at, (width, stride) in zip((0, 3, 6), ((16, 2), (16, 1), (32, 1))):
        x = F.relu(norm(conv(x, f"layer0.{at}", width, 3, stride, 1), f"layer0.{at + 1}"))
    f1 = bottleneck(F.max_pool2d(x, 3, 2, 1), "layer1.0", 16, 1, 1)
    f2 = bottleneck(f1, "layer2.0", 32, 2, 1)
    f3 = bottleneck(f2, "layer3.0", 64, 1, 2)
    f4 = bottleneck(f3, "layer4.0", 128, 1, 4)
    levels = [f4]
    for i, bins in enumerate((1, 2, 3, 6)):
        p = F.relu(norm(conv(F.adaptive_avg_pool2d(f4, bins), f"ppm.features.{i}.1", 128, 1), f"ppm.features.{i}.2"))
        levels.append(bilinear(p, f4.shape[2:], True))
    return f2, f3, f4, norm(conv(torch.cat(levels, 1), "cls.0", 64, 3, pad=1), "cls.1")


# ---------------------------------------------------------------- contrast of foreground and background
def spread(x, mean):
    """Cosines of the positions of x [C,h,w] with a mean [C], spread over [0,1]; their maximum."""
    c = torch.einsum("chw,c->hw", x, mean) / (x.norm(dim=0) * mean.norm() + 1e-7)
    return (c - c.min()) / (c.max() - c.min()), c.max()


def prior(query, supports, fg, bg):
    """[2,h,w] of one query: query and supports are lists of f5 and f4, of one image and of K."""
    shots = []
    for k in range(len(fg)):
        best = None
        for q, s in zip(query, supports):
            pos, top = spread(q, masked_mean(s[k:k + 1], fg[k:k + 1])[0])
            neg, _ = spread(q, masked_mean(s[k:k + 1], bg[k:k + 1])[0])
            if best is None or top > best[0]:
                best = top, torch.stack([pos, F.relu(pos - neg)])
        shots.append(best[1])
    return torch.stack(shots).mean(0)


def rectify(x, pivot, name):
    x = x + linear(torch.cat([x, pivot[:, :, None, None].expand(-1, -1, *x.shape[2:])], 1), name + ".merge", 64, True)
    return x + feed_forward(layer_norm(x, name + ".norm"), name + ".ffn")


def adaptor(x, s, fg, bg, name):
    """x [B,64,h,w], s [B·K,64,h,w] with their sides fg, bg [B·K,1,h,w]."""
    b, k = len(x), len(s) // len(x)
    q = linear(layer_norm(s, name + ".norm_support"), name + ".linear_q", 64)
    nx = layer_norm(x, name + ".norm_query")
    keys, values = linear(nx, name + ".linear_k", 64), linear(nx, name + ".linear_v", 64)
    pivots, contrasts = [], []
    for i in range(b):
        shots = slice(i * k, (i + 1) * k)
        means = [(q[shots] * m[shots]).sum((0, 2, 3)) / (m[shots].sum() + 0.0005) for m in (fg, bg)]
        contrast = spread(keys[i], means[0])[0] - spread(keys[i], means[1])[0]
        weights = torch.where(contrast < 0, contrast - PENALTY, contrast).flatten().softmax(0).reshape(contrast.shape)
        region = (values[i] * weights).sum((1, 2))
        t = (1 + region @ means[0] / (region.norm() * means[0].norm() + 1e-7)) / 2
        pivots.append(t * means[0] + (1 - t) * region)
        contrasts.append(contrast)
    pivots = torch.stack(pivots)
    return rectify(x, pivots, name + ".query"), rectify(s, pivots.repeat_interleave(k, 0), name + ".support"), torch.stack(contrasts)


# ---------------------------------------------------------------- transformer
def heads(x, n):  # [B,N,C] to [B,n,N,C/n]
    return x.unflatten(2, (n, -1)).transpose(1, 2)


def feed_forward(x, name):
    y = conv(conv(x, name + ".layers.0", 256, 1, bias=True), name + ".layers.1", 256, 3, pad=1, bias=True, groups=256)
    return conv(F.gelu(y), name + ".layers.4", 64, 1, bias=True)


def finish(x, y, name):
    y = F.linear(y.transpose(1, 2).flatten(2), param(name + ".attn.attn.linear_o.weight", 64, 64))
    x = x + y.transpose(1, 2).reshape(x.shape)
    return x + feed_forward(layer_norm(x, name + ".norm2"), name + ".ffn")


def self_layer(x, name, n, sr, sides):
    """sides [B,2,S,S], or None for queries."""
    a, y = name + ".attn", layer_norm(x, name + ".norm1")
    source = y
    if sr > 1:
        source = layer_norm(conv(y, a + ".sr", 64, sr, sr, bias=True), a + ".norm")
    q, k, v = (heads(tokens(linear(z, f"{a}.attn.linear_{p}", 64)), n) for p, z in (("q", y), ("k", source), ("v", source)))
    scores = q @ k.transpose(2, 3) / (math.sqrt(64 // n) + 1e-9)
    if sides is not None:
        own, other = (tokens(F.interpolate(sides, z.shape[2:], mode="nearest")) for z in (x, source))
        apart = own[:, :, None, 0] * other[:, None, :, 1] + own[:, :, None, 1] * other[:, None, :, 0]
        scores = scores - PENALTY * apart[:, None]
    return finish(x, scores.softmax(3) @ v, name)


def match_layer(x, s, fg, name):
    """x [B,64,h,w], s [B·K,64,h,w], fg [B·K,1,h,w]."""
    b, a = len(x), name + ".attn.attn.linear_"
    source = layer_norm(s, name + ".norm1").unflatten(0, (b, -1)).transpose(1, 2).flatten(2)[..., None]  # [B,64,K·h·w,1]
    q, k, v = (heads(tokens(linear(z, a + p, 64)), 2) for p, z in (("q", layer_norm(x, name + ".norm1")), ("k", source), ("v", source)))
    m = fg.reshape(b, 1, 1, -1)
    scores = F.normalize(q, dim=3) @ F.normalize(k, dim=3).transpose(2, 3) / 0.1
    corr = ((scores * m).sum(3) / (m.sum(3) + 1e-9)).mean(1)
    return finish(x, (scores.softmax(2) * m) @ v, name), corr.reshape(b, *x.shape[2:])


def parse(x, name, out):
    y = norm(conv(x, name + ".0", 256, 1, bias=True), name + ".1")
    y = norm(conv(y, name + ".2", 256, 3, pad=1, bias=True), name + ".3")
    return conv(y, name + ".4", out, 1, bias=True)


def transformer(q, s, sides, sim):
    name, levels = "transformer.mix_transformer.", []
    for i, (kernel, stride, n, sr) in enumerate(((1, 1, 2, 4), (3, 2, 4, 2), (3, 2, 8, 1))):
        stage = f"{name}down_sample_layers.{i}."
        pair = []
        for x, side in ((q, None), (s, sides)):
            x = layer_norm(conv(x, stage + "0.projection", 64, kernel, stride, stride // 2, bias=True), stage + "0.norm")
            for layer in "12":
                x = self_layer(x, stage + layer, n, sr, side)
            pair.append(layer_norm(x, stage + "3"))
        levels.append(pair)
        q, s = pair
    out, maps, contrasts = None, [], []
    for i in (2, 1, 0):
        x, s = levels[i]
        hw = x.shape[2:]
        fg, bg = F.interpolate(sides, hw, mode="nearest").split(1, 1)
        x, s, contrast = adaptor(x, s, fg, bg, f"{name}adaptors.{i}")
        y, corr = match_layer(x, s, fg, f"{name}match_layers.{i}.0")
        maps.append(corr)
        contrasts.append(contrast)
        merge = f"{name}match_layers.{i}.1"
        z = F.relu(norm(conv(torch.cat([y, bilinear(sim, hw, True)], 1), merge + ".conv", 64, 3, pad=1), merge + ".bn"))
        up = 0 if out is None else bilinear(out, hw, False)
        head = f"{name}parse_layers.{i}"
        out = up + F.relu(norm(parse(z + up, head, 64), head + ".5"))
    return parse(out, name + "cls", 2), maps, contrasts


# ---------------------------------------------------------------- network and losses
def gram(x):
    x = x.flatten(2)
    n = x.norm(dim=2)
    return x @ x.transpose(1, 2) / (n[:, :, None] * n[:, None] + 1e-7)


def run(case, shots, shrink):
    NAMED.clear()
    query = torch.stack([image(f"{case}/query/{b}") for b in range(BATCH)])
    support = torch.stack([image(f"{case}/support/{b}/{k}") for b in range(BATCH) for k in range(shots)])
    label = torch.stack([mask(f"{case}/support_mask/{b}/{k}", shrink if b + k == 0 else 1) for b in range(BATCH) for k in range(shots)])
    target = torch.stack([mask(f"{case}/query_mask/{b}") for b in range(BATCH)])
    cats = [int(uniform(f"{case}/cat/{b}", 1)[0] * (CLASSES - 1)) for b in range(BATCH)]
    sides = torch.stack([label == 1, label == 0], 1).double()

    with torch.no_grad():
        q2, q3, q4, q5 = features(query)
        s2, s3, s4, s5 = features(support)
        base = conv(F.relu(q5), "base_learnear.2", CLASSES, 1, bias=True)
        hw = q3.shape[2:]
        near = F.interpolate(sides, hw, mode="nearest")
        episodes = [slice(b * shots, (b + 1) * shots) for b in range(BATCH)]
        sim = torch.stack([prior((q5[b], q4[b]), (s5[e], s4[e]), near[e, :1], near[e, 1:]) for b, e in enumerate(episodes)])
    qf = F.relu(conv(torch.cat([q3, q2], 1), "down_query.0", 256, 1))
    sf = F.relu(conv(torch.cat([s3, s2], 1), "down_supp.0", 256, 1))
    proto = masked_mean(sf, bilinear(sides[:, :1], hw, True))
    everywhere = lambda p: p[:, :, None, None].expand(-1, -1, *hw)
    sf = F.relu(conv(torch.cat([sf, everywhere(proto)], 1), "supp_merge.0", 64, 1))
    mean = proto.unflatten(0, (BATCH, shots)).mean(1)
    qf = F.relu(conv(torch.cat([qf, everywhere(mean), 10 * sim], 1), "query_merge.0", 64, 1))
    meta, maps, contrasts = transformer(qf, sf, sides, sim)

    with torch.no_grad():
        gq, gs = gram(q2), gram(s2).unflatten(0, (BATCH, shots))
        d = (gq[:, None] - gs).flatten(2).norm(dim=2) / gq.shape[1]
        psi = d[:, 0]
        if shots > 1:
            w = conv(d.sort(1)[0][:, :, None, None], "kshot_rw.0", 2, 1, bias=True)
            w = conv(F.relu(w), "kshot_rw.2", shots, 1, bias=True)[:, :, 0, 0]
            psi = (w.softmax(1) * d).sum(1)
        keep = torch.ones(BATCH, CLASSES)
        keep[:, 0] = 0
        for b, cat in enumerate(cats):
            keep[b, cat + 1] = 0
        base_fg = (base.softmax(1) * keep[:, :, None, None]).sum(1, True)
    psi = psi[:, None, None, None].expand(-1, 1, *hw)
    bg, fg = (conv(torch.cat([p, psi], 1), "gram_merge", 1, 1) for p in meta.softmax(1).split(1, 1))
    final = torch.cat([conv(torch.cat([bg, base_fg], 1), "cls_merge", 1, 1), fg], 1)

    full = lambda x: bilinear(x, (SIZE, SIZE), True)
    ce = lambda x: F.cross_entropy(full(x), target, ignore_index=255)
    main = ce(final) + ce(meta)
    teacher, distill = torch.where(target == 1, 1.0, -1e9).double(), 0
    for m in maps:
        t = bilinear(teacher[:, None], m.shape[1:], False).flatten(1).softmax(1)
        distill = distill + (t * (torch.log(t + 1e-12) - torch.log(m.flatten(1).softmax(1) + 1e-12))).sum(1).mean() / 3
        teacher = m.detach()
    bce = sum(F.binary_cross_entropy_with_logits(full(c[:, None])[:, 0][target != 255], (target == 1).double()[target != 255]) for c in contrasts) / 3
    (main + distill + bce).backward()

    out = {"similarity": sim, "meta_logits": meta, "final_logits": final, "losses": torch.stack([main, distill, bce])}
    for scale, m, c in zip(("coarse", "middle", "fine"), maps, contrasts):
        out["correlation_map_" + scale], out["contrast_" + scale] = m[:, None], c[:, None]
    for name, p in NAMED.items():
        if p.requires_grad:
            g = p.grad.flatten().numpy()
            at = np.minimum((uniform("sample/" + name, 32) * g.size).astype(np.int64), g.size - 1)
            out["grad." + name] = torch.tensor(np.concatenate([[np.linalg.norm(g), g.sum()], g[at]]))
    meta = dict(case=case, dataset="pascal", shot=shots, size=SIZE, batch=BATCH)
    save_file({k: np.ascontiguousarray(v.detach().numpy(), np.float32) for k, v in out.items()}, case + ".safetensors", {k: str(v) for k, v in meta.items()})
    print(case, "losses", *(f"{v:.6f}" for v in out["losses"].tolist()), "parameters", len(NAMED))


if __name__ == "__main__":
    run("ambiguity_1shot", 1, 1)
    run("ambiguity_2shot", 2, 0.12)  # the first support's object is too small for the coarse grids
