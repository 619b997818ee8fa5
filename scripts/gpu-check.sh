#!/bin/sh
# What only a machine with an NVIDIA GPU can show. It needs no Go and no internet: it runs
# what `make gpu-bundle` packed beside it. A step that fails or takes too long does not
# stop the others.
#
#   sh gpu-check.sh [--steps a,b,…] [--limit SECONDS] [--peer DIR] [--device cuda:0]
#
#   machine      nvidia-smi
#   doctor       the program's self-test
#   suite        every test of the CUDA device
#   golden       the released network's outputs and gradients: fp32, tf32, bf16
#   memory       COCO training steps of 6 at 633², 1 and 5 shots, in 12 and 24 GiB
#   timing       evaluation and training at 633², three precisions; PyTorch's with --peer DIR,
#                a folder with bench.py
#   determinism  two trainings with one seed, bit by bit
#   training     a short training on the GPU and on the CPU, and their scores
#   sanitizer    compute-sanitizer's memcheck and racecheck on some operators
#
# results.json, log.txt and each step's output go to $OUT (./gpu-check-out). The exit code
# is 1 when a step failed.
set -u
all=machine,doctor,suite,golden,memory,timing,determinism,training,sanitizer
self=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")
here=$(dirname "$self")
steps=$all limit=530 peer=$here/peer device=cuda:0

# ---- Steps of several commands, each run by this script as a process of its own

hdmnet=$here/bin/hdmnet
short='--fold 0 --set dataset.synth_train=200 --set dataset.synth_val=40 --epochs 1'

step_determinism() { # DEVICE WORK
	for run in a b; do
		"$hdmnet" train $short --seed 5 --device "$1" --out "$2/same_$run" || return 1
	done
	for file in base.safetensors best.safetensors checkpoints/last.safetensors; do
		cmp "$2/same_a/$file" "$2/same_b/$file" || return 1
	done
	echo "two runs with one seed: the same bits"
}

# The GPU's network may score less than the CPU's by no more than what one training differs
# from another.
step_training() { # DEVICE WORK
	for where in "$1" cpu; do
		begun=$(date +%s)
		"$hdmnet" train --fold 0 --set dataset.synth_train=1500 --set train.meta.validate_every=0 --set train.base.validate_every=0 \
			--device "$where" --out "$2/train_$where" >&2 || return 1
		trained=$(date +%s)
		score=$("$hdmnet" eval --run "$2/train_$where" --protocol quick --device "$where" --json) || return 1
		miou=$(printf '%s\n' "$score" | sed -n 's/.*"miou": *\([0-9.e-]*\).*/\1/p' | head -n 1)
		echo "$where: trained in $((trained - begun)) s, mIoU $miou"
		[ "$where" = cpu ] || gpu=$miou
	done
	awk -v gpu="$gpu" -v cpu="$miou" 'BEGIN { exit !(gpu > 0 && gpu >= cpu - 0.08) }' || { echo "the GPU's training is worse"; return 1; }
}

case ${1:-} in
step_*)
	"$@"
	exit
	;;
esac

# ---- Arguments

usage() {
	echo "gpu-check.sh: $1; see the head of $self" >&2
	exit 2
}
while [ $# -gt 0 ]; do
	[ $# -ge 2 ] || usage "$1 needs a value"
	case $1 in
	--steps) steps=$2 ;;
	--limit) limit=$2 ;;
	--peer) peer=$2 ;;
	--device) device=$2 ;;
	*) usage "unknown argument $1" ;;
	esac
	shift 2
done
for step in $(echo "$steps" | tr , ' '); do
	case ,$all, in
	*,"$step",*) ;;
	*) usage "unknown step $step; there are $all" ;;
	esac
done
case $limit in
'' | *[!0-9]*) usage "--limit $limit is no number of seconds" ;;
esac
out=${OUT:-$PWD/gpu-check-out}
mkdir -p "$out" && out=$(cd "$out" && pwd) || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
[ -d "$here/bin" ] || tar -xzf "$here/bin.tar.gz" -C "$here" || exit 1
mkdir -p "$work/cache" "$here/internal/cuda" "$here/internal/model" # empty folders may have been left behind
export CUDA_CACHE_PATH="${CUDA_CACHE_PATH:-$work/cache}" CUDA_CACHE_MAXSIZE=1073741824
begun=$(date +%s)
deadline=$((begun + limit))
failures=0
: >"$work/steps"
: >"$out/log.txt"

say() { echo "$*" | tee -a "$out/log.txt"; }
wants() { case ,$steps, in *,"$1",*) true ;; *) false ;; esac; }

# note NAME STATUS SECONDS CODE adds a line to the results.
note() {
	say "$(printf '%-28s %-8s %4s s' "$1" "$2" "$3")"
	printf '    {"name": "%s", "status": "%s", "seconds": %s, "exit": %s}\n' "$1" "$2" "$3" "$4" >>"$work/steps"
}

# run NAME SECONDS COMMAND… runs a command in at most so many seconds, and in no more than
# are left.
run() {
	name=$1 most=$2
	shift 2
	now=$(date +%s)
	left=$((deadline - now))
	[ "$most" -le "$left" ] || most=$left
	if [ "$most" -lt 5 ]; then
		note "$name" "no time" 0 null
		failures=$((failures + 1))
		return 1
	fi
	timeout -k 5 "$most" "$@" >"$out/$name.out" 2>"$out/$name.err"
	code=$?
	took=$(($(date +%s) - now))
	case $code in
	0) status=ok ;;
	124 | 137) status=timeout ;;
	*) status=fail ;;
	esac
	note "$name" $status $took $code
	if [ $code -ne 0 ]; then
		failures=$((failures + 1))
		tail -n 15 "$out/$name.out" "$out/$name.err" >>"$out/log.txt"
	fi
	return $code
}

# tests NAME SECONDS PACKAGE PATTERN runs compiled tests in their package's folder.
tests() {
	name=$1 seconds=$2 package=$3 pattern=$4
	cd "$here/internal/$package" && run "$name" "$seconds" "$here/bin/$package.test" -test.v -test.run "$pattern"
}

# ---- The steps

if wants machine; then
	if command -v nvidia-smi >/dev/null; then
		run machine 20 nvidia-smi
	else
		note machine skipped 0 null
	fi
fi
wants doctor && run doctor 90 "$hdmnet" doctor --device "$device" --thorough --json
wants suite && tests suite 150 cuda .
export HDMNET_TEST_DEVICE="$device"
if wants golden; then
	tests golden_fp32 150 model Golden
	for precision in tf32 bf16; do
		export HDMNET_TEST_PRECISION=$precision
		tests golden_$precision 60 model 'EvalGolden/.*pascal_resnet50_1shot'
		unset HDMNET_TEST_PRECISION
	done
fi
if wants memory; then
	export HDMNET_TEST_LARGE=1
	tests memory 90 model LargeStep
	unset HDMNET_TEST_LARGE
fi
if wants timing; then
	if "$hdmnet" bench --help | grep -q '^  model '; then
		for precision in fp32 tf32 bf16; do
			for mode in eval train; do
				batch=1
				[ $mode = eval ] || batch=6
				run "timing_${mode}_$precision" 60 "$hdmnet" bench model --config coco20i_resnet50 --size 633 --shots 1 \
					--mode $mode --batch $batch --runs 10 --warmup 3 --device "$device" --precision $precision --json
			done
		done
	else
		note timing skipped 0 null
	fi
	if [ -e "$peer/bench.py" ] && python3 -c 'import torch; assert torch.cuda.is_available()' 2>/dev/null; then
		cd "$peer" || exit 1
		for variant in eager channels_last,tf32 channels_last,amp; do
			for mode in eval train; do
				batch=1
				[ $mode = eval ] || batch=6
				run "peer_${mode}_$(echo $variant | tr , _)" 60 python3 bench.py --dataset coco --size 633 --shot 1 --mode $mode --batch $batch \
					--device cuda --variant $variant --runs 10 --warmup 3
			done
		done
	else
		note peer skipped 0 null
	fi
fi
wants determinism && run determinism 90 sh "$self" step_determinism "$device" "$work"
wants training && run training 180 sh "$self" step_training "$device" "$work"
if wants sanitizer; then
	sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda*/bin/compute-sanitizer 2>/dev/null | head -n 1)
	if [ -n "$sanitizer" ]; then
		cd "$here/internal/cuda" || exit 1
		for tool in memcheck racecheck; do
			run "sanitizer_$tool" 120 "$sanitizer" --tool $tool --error-exitcode 9 "$here/bin/cuda.test" \
				-test.run 'TestSuite/^(linear|self_attention|masked_correlation|prior_similarity|layer_norm|cross_entropy|distillation|gram|shot_weights)$'
		done
	else
		note sanitizer skipped 0 null
	fi
fi

# ---- Results

# document NAME FILE adds a step's output when it is JSON.
document() {
	if [ -s "$2" ] && [ "$(head -c 1 "$2")" = "{" ]; then
		printf ',\n  "%s": ' "$1"
		cat "$2"
	fi
}
{
	printf '{\n  "started": "%s",\n  "seconds": %s,\n  "failures": %s,\n' "$(date -u -d "@$begun" +%Y-%m-%dT%H:%M:%SZ)" $(($(date +%s) - begun)) $failures
	printf '  "steps": [\n%s\n  ]' "$(sed '$!s/$/,/' "$work/steps")"
	document doctor "$out/doctor.out"
	for file in "$out"/timing_*.out "$out"/peer_*.out; do
		document "$(basename "$file" .out)" "$file"
	done
	printf '\n}\n'
} >"$out/results.json"
grep -h 'peak memory' "$out/memory.out" 2>/dev/null | tee -a "$out/log.txt"
cat "$out/training.out" 2>/dev/null | tee -a "$out/log.txt"
for file in "$out"/timing_*.out "$out"/peer_*.out; do
	[ -s "$file" ] && say "$(basename "$file" .out): $(sed -n 's/.*"median[_s]*": *\([0-9.]*\).*/\1 s/p' "$file" | head -n 1)"
done
say "$failures of $(wc -l <"$work/steps") steps failed, $(($(date +%s) - begun)) s; $out/results.json"
[ $failures -eq 0 ]
