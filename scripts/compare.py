#!/usr/bin/env python3
"""hdmnet against PyTorch on this machine: prints a Markdown table of medians and ratios.

Every row is measured in pairs: hdmnet and each PyTorch variant run one after the other, each as a process
of its own, in an order that turns round from pair to pair; a process reports the median of its --runs. The
table gives the medians over the pairs, and the ratio of the best variant's median to hdmnet's.

The opponent is the bench.py given with --peer, which must take --mode eval|train, --dataset pascal|coco,
--size, --shot, --batch, --variant, --runs and --warmup and print one JSON object with median_s: its --help
says which variants it has. Memory is the most resident memory of the process, as the system counts it.
`predict` is the wall time from starting the process to its end, one query and one support from files, with
scripts/predict_peer.py. Needs Python with torch, numpy and Pillow; nothing else should run meanwhile.

    make build
    python3 scripts/compare.py --peer PATH/bench.py
    python3 scripts/compare.py --peer PATH/bench.py --rows eval-1-473,train-473 --variants eager,channels_last --pairs 7
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
IMAGE = os.path.join(ROOT, "testdata/real-mini/images/000000542145.jpg")  # the support, and the query too
MASK = os.path.join(ROOT, "testdata/real-mini/masks/000000542145.png")
# name: what it is called, what is compared, and hdmnet's configuration with the peer's name of its data set
ROWS = {
    "eval-1-473": ("eval 1-shot 473², PASCAL ResNet-50", "s", "pascal5i_resnet50", "pascal", "eval", 473, 1, 1),
    "eval-1-633": ("eval 1-shot 633², COCO ResNet-50", "s", "coco20i_resnet50", "coco", "eval", 633, 1, 1),
    "eval-5-473": ("eval 5-shot 473², PASCAL ResNet-50", "s", "pascal5i_resnet50", "pascal", "eval", 473, 5, 1),
    "train-473": ("train step 473² batch 2, 1-shot, PASCAL ResNet-50", "s", "pascal5i_resnet50", "pascal", "train", 473, 1, 2),
    "memory-5-633": ("peak memory, eval 5-shot 633², COCO ResNet-50", "MiB", "coco20i_resnet50", "coco", "eval", 633, 5, 1),
    "predict-473": ("start to first result of predict, 473², PASCAL ResNet-50", "s", "pascal5i_resnet50", "pascal", "predict", 473, 1, 1),
}
PEER_OPTIONS = ("--mode", "--dataset", "--size", "--shot", "--batch", "--variant", "--runs", "--warmup")


def run(command, env=None):
    """Runs a process to its end; returns its output, wall seconds and peak resident MiB."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.perf_counter()
        p = subprocess.Popen(command, stdout=out, stderr=err, env=env)
        try:
            _, status, usage = os.wait4(p.pid, 0)
        except BaseException:
            p.kill()
            raise
        wall = time.perf_counter() - start
        p.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0), err.seek(0)
        text, errors = out.read().decode(), err.read().decode()
    if p.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit code {p.returncode}\n{errors[-2000:]}")
    per_mib = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return text, wall, usage.ru_maxrss / per_mib


class Compare:
    def __init__(self, o, folder):
        self.o, self.folder, self.facts = o, folder, {}
        self.env = dict(os.environ)
        if o.threads:
            self.env.update(GOMAXPROCS=str(o.threads), OMP_NUM_THREADS=str(o.threads), MKL_NUM_THREADS=str(o.threads))

    def hdmnet(self, unit, config, mode, size, shots, batch):
        if mode == "predict":
            command = [self.o.hdmnet, "predict", "--weights", self.weights(), "--config", config, "--device", "cpu",
                       "--support", f"{IMAGE}:{MASK}", "--query", IMAGE, "--out", os.path.join(self.folder, "out")]
            return run(command, self.env)[1]
        text, _, memory = run([self.o.hdmnet, "bench", "model", "--config", config, "--mode", mode, "--size", str(size), "--shots", str(shots),
                               "--batch", str(batch), "--runs", str(self.o.runs), "--warmup", str(self.o.warmup),
                               "--device", "cpu", "--ops=false", "--json"], self.env)
        report = json.loads(text)
        m = report["machine"]
        self.facts["machine"] = f"{m['cpu']}, {m['threads']} of {m['cores']} cores, {m['isa']}, {m['go']}"
        return memory if unit == "MiB" else report["seconds"]["median"]

    def peer(self, variant, unit, dataset, mode, size, shots, batch):
        if mode == "predict":
            return run([sys.executable, os.path.join(ROOT, "scripts/predict_peer.py"), "--peer", self.o.peer, "--dataset", dataset,
                        "--weights", self.weights(), "--size", str(size), "--support", f"{IMAGE}:{MASK}", "--query", IMAGE,
                        "--out", os.path.join(self.folder, "mask.png")], self.env)[1]
        text, _, memory = run([sys.executable, self.o.peer, "--mode", mode, "--dataset", dataset, "--size", str(size), "--shot", str(shots),
                               "--batch", str(batch), "--variant", variant.replace("+", ","), "--runs", str(self.o.runs),
                               "--warmup", str(self.o.warmup)], self.env)
        report = json.loads(text.strip().splitlines()[-1])
        self.facts["torch"] = "torch " + report.get("torch", "of unknown version")
        return memory if unit == "MiB" else report["median_s"]

    def weights(self):
        path = os.path.join(self.folder, "weights.pth")
        if not os.path.exists(path):
            run([sys.executable, os.path.join(ROOT, "scripts/predict_peer.py"), "--peer", self.o.peer, "--make", path])
        return path

    def row(self, name):
        """Measures a row: by contender, one number a pair."""
        _, unit, config, dataset, mode, size, shots, batch = ROWS[name]
        variants = ["eager"] if mode == "predict" else self.o.variants
        results, failed = {c: [] for c in ["hdmnet", *variants]}, {}
        if mode == "predict":
            self.weights()  # once, outside the measurement
        for pair in range(self.o.pairs):
            order = list(results)
            for who in order if pair % 2 == 0 else reversed(order):
                if who in failed:
                    continue
                if who == "hdmnet":
                    value = self.hdmnet(unit, config, mode, size, shots, batch)
                else:
                    try:
                        value = self.peer(who, unit, dataset, mode, size, shots, batch)
                    except (RuntimeError, ValueError, KeyError) as e:
                        failed[who] = str(e).strip().splitlines()[-1]
                        continue
                results[who].append(value)
                print(f"{name}, pair {pair + 1} of {self.o.pairs}: {who} {value:.3f} {unit}", file=sys.stderr)
        for who, why in failed.items():
            del results[who]
            print(f"{name}: PyTorch {who} left out: {why}", file=sys.stderr)
        return results


def cell(values, unit):
    return "–" if not values else f"{statistics.median(values):#.3g} {unit}" if unit == "s" else f"{statistics.median(values):.0f} {unit}"


def line(name, results, variants):
    title, unit = ROWS[name][:2]
    cells = [title, cell(results["hdmnet"], unit)] + [cell(results.get(v), unit) for v in variants]
    peers = {v: statistics.median(r) for v, r in results.items() if v != "hdmnet"}
    if not peers:
        return cells + ["–", "–"]
    best = min(peers, key=peers.get)
    ratios = sorted(p / h for p, h in zip(results[best], results["hdmnet"]))
    return cells + [f"{peers[best] / statistics.median(results['hdmnet']):.2f} × ({best})", f"{ratios[0]:.2f} to {ratios[-1]:.2f}"]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--peer", required=True, help="bench.py of the PyTorch program")
    p.add_argument("--hdmnet", default=os.path.join(ROOT, "bin/hdmnet"), help="the program (default bin/hdmnet)")
    p.add_argument("--rows", default=",".join(ROWS), help="rows to measure (default all): " + ", ".join(ROWS))
    p.add_argument("--variants", default="eager,channels_last,compile", help="of the peer, separated by commas; join with + (channels_last+compile)")
    p.add_argument("--pairs", type=int, default=5)
    p.add_argument("--runs", type=int, default=3, help="runs within a process, of which it reports the median")
    p.add_argument("--warmup", type=int, default=1, help="runs before those")
    p.add_argument("--threads", type=int, default=0, help="for both programs (default: each one's own choice)")
    p.add_argument("--json", help="write every number to this file too")
    o = p.parse_args()
    rows, o.variants = o.rows.split(","), o.variants.split(",")
    for r in rows:
        if r not in ROWS:
            p.error(f"no row {r}; there are {', '.join(ROWS)}")
    if o.pairs < 1 or o.runs < 1 or o.warmup < 0:
        p.error("--pairs and --runs must be at least 1, --warmup at least 0")
    if not os.access(o.hdmnet, os.X_OK):
        p.error(f"{o.hdmnet} is no program: `make build` makes it, or name another with --hdmnet")
    if not os.path.isfile(o.peer):
        p.error(f"--peer: {o.peer} does not exist")
    if any(ROWS[r][4] != "predict" for r in rows):
        known = set(re.findall(r"[a-z0-9_-]+", run([sys.executable, o.peer, "--help"])[0]))
        lacking = [x for x in (*PEER_OPTIONS, *(v for joined in o.variants for v in joined.split("+"))) if x not in known]
        if lacking:
            p.error(f"{o.peer} --help does not name {', '.join(lacking)}")

    measured = {}
    with tempfile.TemporaryDirectory() as folder:
        c = Compare(o, folder)
        for name in rows:
            measured[name] = c.row(name)
    if o.json:
        with open(o.json, "w") as f:
            json.dump({**c.facts, "pairs": o.pairs, "runs": o.runs, "rows": measured}, f, indent=2)
    header = ["work", "hdmnet"] + ["PyTorch " + v for v in o.variants] + ["best PyTorch / hdmnet", "of single pairs"]
    print("; ".join([*c.facts.values(), f"medians of {o.pairs} pairs, {o.runs} runs each\n"]))
    print("| " + " | ".join(header) + " |\n|" + "---|" * len(header))
    for name in rows:
        print("| " + " | ".join(line(name, measured[name], o.variants)) + " |")


if __name__ == "__main__":
    main()
