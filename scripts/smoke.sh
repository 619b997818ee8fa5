#!/bin/sh
# Trains a few steps on the synthetic set, is stopped and goes on, evaluates and predicts:
# smoke.sh PATH-TO-HDMNET
set -eu
hdmnet=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
root=$(cd "$(dirname "$0")/.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

quick="--set model.size=65 --set train.base.size=65 --set dataset.synth_train=48 --set dataset.synth_val=64
  --set train.meta.validate_episodes=10 --set train.base.validate_every=1 --epochs 2"

"$hdmnet" version
"$hdmnet" config list
"$hdmnet" train --fold 0 --out run $quick
for file in config.yaml metrics.jsonl log curves.png base.safetensors best.safetensors checkpoints/last.safetensors; do
	test -s "run/$file" || { echo "run/$file is missing"; exit 1; }
done
"$hdmnet" train --fold 0 --out run --resume # says that there is nothing left to do
"$hdmnet" eval --run run --shots 1 --episodes 20 --json
"$hdmnet" eval --run run --shots 5 --episodes 10 --json
"$hdmnet" eval --run run --untrained --episodes 10 --json

pair=$root/testdata/pascal-tiny
image=$(ls "$pair"/JPEGImages/*.jpg | head -n 1)
mask=$(ls "$pair"/SegmentationClassAug/*.png | head -n 1)
"$hdmnet" predict --run run --support "$image:$mask" --query "$image" --out out --save-logits
ls -l out
echo "smoke run: passed"
