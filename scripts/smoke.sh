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

# Real photographs: from annotations to a score and a mask.
real=$root/testdata/real-mini
"$hdmnet" data prepare auto --root "$real"
"$hdmnet" data prepare coco --instances "$real/instances.json" --images "$real/images" --mask-mode all-polygons --out mine
"$hdmnet" data verify --config custom_resnet50 --data-root mine --list list.txt --set dataset.folds=2
"$hdmnet" eval --run run --data-root mine --classes classes.txt --episodes 8 --seeds 1
"$hdmnet" predict --run run --support "$real/images/000000542145.jpg:$real/masks/000000542145.png" \
	--query "$real/images/000000006818.jpg" --out out --save-logits
ls -l out
echo "smoke run: passed"
