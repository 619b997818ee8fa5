#!/usr/bin/env python3
"""hdmnet against PyTorch on this machine: prints Markdown tables of medians and ratios.

Every row is measured in pairs: hdmnet in each precision and each PyTorch variant run one after the other,
each as a process of its own, in an order that turns round from pair to pair; a process reports the median
of its --runs. There are two tables: float32 against float32, and the best of all precisions against the
best of all variants. They give the medians over the pairs, and the ratio of the best variant's to hdmnet's.

The opponent is the bench.py given with --peer, which must take --mode eval|train, --dataset pascal|coco,
--size, --shot, --batch, --variant, --runs and --warmup and print one JSON object with median_s: its --help
says which variants it has. Memory is the most resident memory of the process, as the system counts it.
`predict` is the wall time from starting the process to its end, one query and one support from files, with
scripts/predict_peer.py. Needs Python with torch, numpy and Pillow; nothing else should run meanwhile.

    make build
    python3 scripts/compare.py --peer PATH/bench.py
    python3 scripts/compare.py --peer PATH/bench.py --rows eval-1-473,train-473 --variants compile,amp+compile --pairs 7

A long comparison can be made in parts, each with --json FILE, which holds the pairs measured so far also when
it is interrupted; the last command prints the tables of all:

    python3 scripts/compare.py --merge a.json,b.json
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
    """Measures contenders: "hdmnet PRECISION", and the variants of the peer by their names."""

    def __init__(self, o, folder):
        self.o, self.folder, self.facts = o, folder, {}
        self.env = dict(os.environ)
        if o.threads:
            self.env.update(GOMAXPROCS=str(o.threads), OMP_NUM_THREADS=str(o.threads), MKL_NUM_THREADS=str(o.threads))

    def precisions(self):
        """Those that this processor has."""
        report = json.loads(run([self.o.hdmnet, "doctor", "--device", "cpu", "--self-test=false", "--json"], self.env)[0])
        return [m["precision"] for m in report["device"]["measured"]] or ["fp32"]

    def hdmnet(self, precision, unit, config, mode, size, shots, batch):
        if mode == "predict":
            command = [self.o.hdmnet, "predict", "--weights", self.weights(), "--config", config, "--device", "cpu", "--precision", precision,
                       "--support", f"{IMAGE}:{MASK}", "--query", IMAGE, "--out", os.path.join(self.folder, "out"), "--force"]
            return run(command, self.env)[1]
        text, _, memory = run([self.o.hdmnet, "bench", "model", "--config", config, "--mode", mode, "--size", str(size), "--shots", str(shots),
                               "--batch", str(batch), "--runs", str(self.o.runs), "--warmup", str(self.o.warmup),
                               "--device", "cpu", "--precision", precision, "--ops=false", "--json"], self.env)
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

    def row(self, name, keep):
        """Measures a row: for every pair one number by contender. keep is given the pairs that are there after each."""
        _, unit, config, dataset, mode, size, shots, batch = ROWS[name]
        variants = ["eager"] if mode == "predict" else self.o.variants
        order, failed, pairs = [f"hdmnet {p}" for p in self.o.precisions] + variants, set(), []
        if mode == "predict":
            self.weights()  # once, outside the measurement
        for pair in range(self.o.pairs):
            pairs.append({})
            for who in order if pair % 2 == 0 else reversed(order):
                if who in failed:
                    continue
                if who.startswith("hdmnet "):
                    value = self.hdmnet(who.split()[1], unit, config, mode, size, shots, batch)
                else:
                    try:
                        value = self.peer(who, unit, dataset, mode, size, shots, batch)
                    except (RuntimeError, ValueError, KeyError) as e:
                        failed.add(who)
                        print(f"{name}: PyTorch {who} left out: {str(e).strip().splitlines()[-1]}", file=sys.stderr)
                        continue
                pairs[-1][who] = value
                print(f"{name}, pair {pair + 1} of {self.o.pairs}: {who} {value:.3f} {unit}", file=sys.stderr)
            keep([{who: v for who, v in p.items() if who not in failed} for p in pairs])


def rounds(contender):
    """Whether a contender computes in less than float32."""
    return contender != "hdmnet fp32" if contender.startswith("hdmnet ") else "amp" in contender.split("+")


def text(value, unit):
    return f"{value:#.3g} {unit}" if unit == "s" else f"{value:.0f} {unit}"


def line(name, pairs, contenders):
    """A row of a table, or nothing where one of both sides is missing."""
    title, unit = ROWS[name][:2]
    medians = {}
    for who in contenders:
        values = [p[who] for p in pairs if who in p]
        if values:
            medians[who] = statistics.median(values)
    ours, theirs = [w for w in medians if w.startswith("hdmnet ")], [w for w in medians if not w.startswith("hdmnet ")]
    if not ours or not theirs:
        return None
    us, peer = min(ours, key=medians.get), min(theirs, key=medians.get)
    ratios = sorted(p[peer] / p[us] for p in pairs if us in p and peer in p)
    cells = [title, f"{text(medians[us], unit)} ({us.split()[1]})", f"{text(medians[peer], unit)} ({peer})", f"{medians[peer] / medians[us]:.2f}",
             f"{ratios[0]:.2f} to {ratios[-1]:.2f}, {len(ratios)}" if ratios else "–"]
    return cells + [", ".join(f"{who.removeprefix('hdmnet ')} {text(v, unit)}" for who, v in medians.items() if who not in (us, peer))]


def tables(measured):
    found = list(dict.fromkeys(who for pairs in measured.values() for p in pairs for who in p))
    exact = [who for who in found if not rounds(who)]
    shown = [("float32 against float32", exact)]
    if len(exact) < len(found):
        shown.append(("best against best", found))
    for title, contenders in shown:
        lines = [line(name, pairs, contenders) for name, pairs in measured.items()]
        header = ["work", "hdmnet", "best PyTorch", "ratio", "lowest and highest pair, pairs", "others"]
        print(f"\n{title}\n\n| " + " | ".join(header) + " |\n|" + "---|" * len(header))
        for cells in filter(None, lines):
            print("| " + " | ".join(cells) + " |")


def merge(paths, facts, measured):
    """Adds the pairs of files that --json wrote."""
    for path in paths:
        with open(path) as f:
            part = json.load(f)
        machine = part.get("machine")  # predict alone does not tell
        if machine and facts.setdefault("machine", machine) != machine:
            raise SystemExit(f"{path} was measured on {machine}, others on {facts['machine']}: merge what one machine gave")
        facts.setdefault("torch", part.get("torch"))
        for name, pairs in part["rows"].items():
            measured.setdefault(name, []).extend(pairs)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--peer", help="bench.py of the PyTorch program")
    p.add_argument("--hdmnet", default=os.path.join(ROOT, "bin/hdmnet"), help="the program (default bin/hdmnet)")
    p.add_argument("--rows", default=",".join(ROWS), help="rows to measure (default all): " + ", ".join(ROWS))
    p.add_argument("--variants", default="eager,channels_last,compile,amp,amp+channels_last,amp+compile",
                   help="of the peer, separated by commas; join with + (default %(default)s)")
    p.add_argument("--precisions", help="of hdmnet, separated by commas (default: all that this processor has)")
    p.add_argument("--pairs", type=int, default=5)
    p.add_argument("--runs", type=int, default=3, help="runs within a process, of which it reports the median")
    p.add_argument("--warmup", type=int, default=1, help="runs before those")
    p.add_argument("--threads", type=int, default=0, help="for both programs (default: each one's own choice)")
    p.add_argument("--json", help="write every number to this file too")
    p.add_argument("--merge", help="print the tables of files written by --json, separated by commas; nothing is measured")
    o = p.parse_args()
    facts, measured = {}, {}
    if o.merge:
        merge(o.merge.split(","), facts, measured)
    else:
        facts = measure(p, o, measured)
    print("; ".join(filter(None, facts.values())))
    tables(measured)


def measure(p, o, measured):
    """Measures what the options ask for into measured; returns what is known of the machine."""
    rows, o.variants = o.rows.split(","), o.variants.split(",")
    for r in rows:
        if r not in ROWS:
            p.error(f"no row {r}; there are {', '.join(ROWS)}")
    if o.pairs < 1 or o.runs < 1 or o.warmup < 0:
        p.error("--pairs and --runs must be at least 1, --warmup at least 0")
    if not os.access(o.hdmnet, os.X_OK):
        p.error(f"{o.hdmnet} is no program: `make build` makes it, or name another with --hdmnet")
    if not o.peer or not os.path.isfile(o.peer):
        p.error(f"--peer: {o.peer} does not exist" if o.peer else "--peer is missing: bench.py of the PyTorch program")
    if any(ROWS[r][4] != "predict" for r in rows):
        known = set(re.findall(r"[a-z0-9_-]+", run([sys.executable, o.peer, "--help"])[0]))
        lacking = [x for x in (*PEER_OPTIONS, *(v for joined in o.variants for v in joined.split("+"))) if x not in known]
        if lacking:
            p.error(f"{o.peer} --help does not name {', '.join(lacking)}")
    with tempfile.TemporaryDirectory() as folder:
        c = Compare(o, folder)
        o.precisions = o.precisions.split(",") if o.precisions else c.precisions()

        def keep(name, pairs):
            measured[name] = pairs
            if o.json:  # after every pair: a long measurement may be interrupted
                with open(o.json + ".tmp", "w") as f:
                    json.dump({**c.facts, "pairs": o.pairs, "runs": o.runs, "rows": measured}, f, indent=2)
                os.replace(o.json + ".tmp", o.json)

        for name in rows:
            c.row(name, lambda pairs, name=name: keep(name, pairs))
    return {**c.facts, "pairs": f"medians of {o.pairs} pairs, {o.runs} runs each"}


if __name__ == "__main__":
    main()
