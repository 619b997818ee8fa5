"""What one picture through an encoder costs in PyTorch on the CPU, to compare with
go test -bench Encoder ./internal/vit. Weights are random: they change no time.

    python3 scripts/encoder_peer.py fp32 eager dinov2_vitb14     # or dinov2_vitl14, dinov3_vitl16
    # not eager: compile, or blocks, which compiles every block by itself and takes less time for that; not
    # fp32: bf16, the model in bf16, or autocast
Needs torch and transformers. Prints the median of the times in seconds, and the peak of memory.
"""
import re
import statistics
import sys
import time

import torch
import transformers

precision, mode, name = sys.argv[1:4]
channels, blocks = {"b": (768, 12), "l": (1024, 24)}[name[-3]]
shape = dict(hidden_size=channels, num_hidden_layers=blocks, num_attention_heads=channels // 64, attn_implementation="sdpa")
if name.startswith("dinov2"):
    size, net = 518, transformers.Dinov2Model(transformers.Dinov2Config(image_size=518, patch_size=14, **shape))
else:
    size, net = 512, transformers.DINOv3ViTModel(transformers.DINOv3ViTConfig(
        image_size=512, patch_size=16, intermediate_size=4 * channels, num_register_tokens=4, **shape))
net.eval()
x = torch.randn(1, 3, size, size)
if precision == "bf16":
    net, x = net.bfloat16(), x.bfloat16()
if mode == "compile":
    net = torch.compile(net)
if mode == "blocks":
    for block in net.encoder.layer if name.startswith("dinov2") else net.model.layer:
        block.compile()
times = []
with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "autocast"):
    for i in range(9):
        start = time.perf_counter()
        net(x)
        if i >= 3:
            times.append(time.perf_counter() - start)
peak = int(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1]) // 1024
print(f"{name} {precision} {mode}: {statistics.median(times):.3f} s, fastest {min(times):.3f}, peak {peak} MiB, torch {torch.__version__}, {torch.get_num_threads()} threads")
