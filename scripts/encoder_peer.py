"""What one picture through DINOv2 ViT-B/14 costs in PyTorch on the CPU, to compare with
go test -bench Encoder ./internal/vit. Weights are random: they change no time.

    python3 scripts/encoder_peer.py fp32 eager      # or compile; bf16: the model in bf16; autocast
Needs torch and transformers. Prints the median of the times in seconds, and the peak of memory.
"""
import re
import statistics
import sys
import time

import torch
import transformers

precision, mode = sys.argv[1], sys.argv[2]
config = transformers.Dinov2Config(image_size=518, patch_size=14, hidden_size=768, num_hidden_layers=12, num_attention_heads=12,
                                   attn_implementation="sdpa")
net = transformers.Dinov2Model(config).eval()
x = torch.randn(1, 3, 518, 518)
if precision == "bf16":
    net, x = net.bfloat16(), x.bfloat16()
if mode == "compile":
    net = torch.compile(net)
times = []
with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "autocast"):
    for i in range(9):
        start = time.perf_counter()
        net(x)
        if i >= 3:
            times.append(time.perf_counter() - start)
peak = int(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1]) // 1024
print(f"{precision} {mode}: {statistics.median(times):.3f} s, peak {peak} MiB, torch {torch.__version__}, {torch.get_num_threads()} threads")
