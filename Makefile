# What a developer runs; users need only `go run ./cmd/hdmnet`.
GO ?= go

CC ?= cc
comma := ,
CXX ?= g++

# The CUDA build: our own header and link stub in the place of a toolkit's, so a C compiler
# is enough. CUDA_GO runs the go command with them. PORTABLE=1 is for older C libraries than
# this machine's.
ifdef PORTABLE
CC := sh $(CURDIR)/scripts/portable-cc.sh
endif
CUDA_BUILD := build/cuda$(if $(PORTABLE),-portable)
CUDA_LIB := $(CUDA_BUILD)/libcuda.a
CUDA_GO := $(if $(PORTABLE),CC="$(CC)" )CGO_ENABLED=1 CGO_CFLAGS="-O2 -g -I$(CURDIR)/internal/cuda/include" CGO_LDFLAGS="-L$(CURDIR)/$(CUDA_BUILD)" $(GO)
DRIVER := $(shell sh scripts/cuda-driver.sh)

.DEFAULT_GOAL := build
.PHONY: help build build-cpu build-cuda build-mpi test-mpi build-cuda-portable test vet-cuda test-browser test-cuda test-ptx test-parity test-amx trace gpu-bundle gpu-check ptx ptxas race vet lint fuzz bench generate smoke release images ci

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

build: $(if $(DRIVER),build-cuda,build-cpu) ## the binary in bin/; with CUDA where there is a driver

build-cpu: ## the binary for CPUs, static
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/hdmnet ./cmd/hdmnet

build-cuda: $(CUDA_LIB) ## the binary with CUDA; needs a C compiler, to run a driver
	$(CUDA_GO) build -tags cuda -trimpath -o bin/hdmnet ./cmd/hdmnet

build-cuda-portable: ## the same for Linux with glibc 2.28 or newer; needs zig (pip install ziglang): ZIG
	$(MAKE) build-cuda PORTABLE=1
	$(GO) run ./scripts/glibc -at-most 2.28 bin/hdmnet

# make build-mpi MPICC=mpicc.mpich takes another MPI library than the usual one.
MPICC ?= mpicc
build-mpi: $(if $(DRIVER),$(CUDA_LIB)) ## the binary with MPI, between machines; needs Open MPI or MPICH with mpicc
	@command -v $(MPICC) >/dev/null || { echo "no $(MPICC): install Open MPI (Debian: libopenmpi-dev) or MPICH (libmpich-dev), or name its compiler with MPICC="; exit 1; }
	CC=$(MPICC) CGO_ENABLED=1 $(if $(DRIVER),$(CUDA_GO),$(GO)) build -tags mpi$(if $(DRIVER),$(comma)cuda) -trimpath -o bin/hdmnet ./cmd/hdmnet

# HDMNET_TEST_KILLS=10 kills a process at so many random moments, here and in test-parity.
test-mpi: ## builds with MPI, two and four processes on this machine
	GO=$(GO) sh scripts/mpi-check.sh

$(CUDA_LIB): internal/cuda/stub/src/libcuda.c $(wildcard internal/cuda/include/*.h)
	@mkdir -p $(@D)
	$(CC) -O2 -fPIC -Wall -Iinternal/cuda/include -c -o $(CUDA_BUILD)/stub.o $<
	$(AR) rcs $@ $(CUDA_BUILD)/stub.o

vet-cuda: $(CUDA_LIB)
	$(CUDA_GO) vet -tags cuda ./internal/cuda ./internal/device ./cmd/hdmnet

ptx: ## kernels/*.cu to kernels/ptx; needs clang-19
	$(GO) run ./kernels/ptxgen

# PTXAS_MODULES= is all of them. PTXAS names the assembler: kernels/README.md.
PTXAS_MODULES ?= half_conv wgmma_conv add_norm self_attention self_attention_tensor masked_correlation masked_correlation_tensor correlation_rows prior_similarity prior_tensor linear tensor_conv tensor_gradient conv2d library_conv gram gram_tensor layer_norm distillation cross_entropy depthwise3x3 adamw resize_bilinear pyramid_spread
ptxas: ## registers, shared memory and spills of the hot kernels; needs NVIDIA's ptxas
	@$(GO) run ./kernels/ptxtable $(PTXAS_MODULES)

include kernels/emu/emu.mk

# make test-cuda CUDA_RUN='TestSuite/^relu$$' runs one operator.
CUDA_TEST ?= ./internal/cuda ./internal/device ./internal/dist/nccl
CUDA_RUN ?= .
HOPPER := Wgmma|Hal[fv] # tests of what differs on compute capability 9.0
EMU_ENV = HDMNET_EMU_MEMORY=2048 HDMNET_EMU_LIBRARY=$(CURDIR)/$(EMU_LIBRARY) HDMNET_EMU_SELFTEST=$(CURDIR)/$(EMU)/selftest HDMNET_CUDA_DRIVER=$(CURDIR)/$(EMU)/selftest
test-cuda: $(CUDA_LIB) $(EMU_SELFTEST) $(EMU_LIBRARIES) ## the CUDA device on the emulated driver, every access checked; then fast, in random order
	$(EMU_ENV)/libcuda-check.so.1 HDMNET_CUDA_CACHE=off $(CUDA_GO) test -count=1 -tags cuda -run '$(CUDA_RUN)' $(CUDA_TEST)
	$(EMU_ENV)/libcuda.so.1 HDMNET_EMU_SEED=7 $(CUDA_GO) test -count=1 -tags cuda -run '$(CUDA_RUN)' $(CUDA_TEST)
	$(if $(filter .,$(CUDA_RUN)),$(EMU_ENV)/libcuda-check.so.1 HDMNET_EMU_CC=90 $(CUDA_GO) test -count=1 -tags cuda -run '$(strip $(HOPPER))' ./internal/cuda)
	$(if $(filter .,$(CUDA_RUN)),$(EMU_ENV)/libcuda-check.so.1 $(CUDA_GO) test -count=1 -tags cuda -run CUDATrainsAsTheCPU ./internal/train) # graphs, memory that is used again
	$(EMU_ENV)/libcuda.so.1 $(CUDA_GO) test -count=1 -tags cuda -run '$(if $(filter .,$(CUDA_RUN)),CUDA|ChangeDevice,$(CUDA_RUN))' ./internal/train
	$(if $(filter .,$(CUDA_RUN)),$(MAKE) test-parity)
	$(EMU_ENV)/libcuda-check.so.1 HDMNET_CUDA_CACHE=off HDMNET_CUDA_LIBRARIES=$(CURDIR)/$(EMU_LIBRARY) \
		$(CUDA_GO) test -count=1 -tags cuda -run 'TestSuite/^(conv2d|frozen_conv2d|linear)$$' ./internal/cuda

# make test-ptx CUDA_RUN='TestSuite/^relu$$' likewise. HDMNET_EMU_TENSOR: how tensor cores add.
PTX_ENV = HDMNET_EMU_MEMORY=2048 HDMNET_EMU_LIBRARY=$(CURDIR)/$(EMU_LIBRARY) HDMNET_CUDA_DRIVER=$(CURDIR)/$(EMU_PTX)
PTX_MODELS ?= a100 h100 # of tensor cores
PTX_TENSOR := Tensor|Precision|Tiles|WideHeads|Half
test-ptx: $(CUDA_LIB) $(EMU_PTX) $(EMU_LIBRARIES) ## the PTX that ships, interpreted; then with sums as tensor cores make them
	$(PTX_ENV) $(CUDA_GO) test -count=1 -tags cuda -run '$(CUDA_RUN)' ./internal/cuda
	$(if $(filter .,$(CUDA_RUN)),$(PTX_ENV) HDMNET_EMU_CC=90 $(CUDA_GO) test -count=1 -tags cuda -run '$(strip $(HOPPER))' ./internal/cuda)
	$(if $(filter .,$(CUDA_RUN)),for model in $(PTX_MODELS); do \
		HDMNET_EMU_CC=$$(case $$model in (h100) echo 90;; (*) echo 80;; esac) $(PTX_ENV) HDMNET_EMU_RACES=0 HDMNET_EMU_TENSOR=$$model $(CUDA_GO) test -count=1 -tags cuda -run '$(PTX_TENSOR)' ./internal/cuda || exit 1; \
	done)

# Whole networks and the self-test on tiles of AMX, emulated where the processor lacks them.
test-amx: ## AMX on processors without it; needs Linux, a C compiler and AVX512_BF16
	CGO_ENABLED=1 $(GO) test -count=1 -short -tags amxemu -run 'CPUInBF16' ./internal/model
	CGO_ENABLED=1 $(GO) test -count=1 -short -tags amxemu -run 'DoctorBF16' ./cmd/hdmnet

# The golden files in every precision, the command line beside the CPU's, and the memory of
# steps at full size.
PARITY_ENV = $(EMU_ENV)/libcuda.so.1 HDMNET_EMU_MEMORY=8192 HDMNET_TEST_DEVICE=cuda
test-parity: $(CUDA_LIB) $(EMU_SELFTEST) ## whole networks on the emulated driver
	$(PARITY_ENV) $(CUDA_GO) test -count=1 -tags cuda -run 'Golden/(.*_pascal_resnet50_1shot|ambiguity_.*)$$' ./internal/model
	$(PARITY_ENV) $(CUDA_GO) test -count=1 -tags cuda -run 'Golden/.*(210x294|192x320)$$' ./internal/vit
	for precision in tf32 bf16; do \
		$(PARITY_ENV) HDMNET_TEST_PRECISION=$$precision $(CUDA_GO) test -count=1 -tags cuda -run '(Eval|MetaTraining|Ambiguity)Golden/(.*_pascal_resnet50_1shot|ambiguity_.*)$$' ./internal/model || exit 1; \
		$(PARITY_ENV) HDMNET_TEST_PRECISION=$$precision $(CUDA_GO) test -count=1 -tags cuda -run 'Golden/.*(210x294|192x320)$$' ./internal/vit || exit 1; \
	done
	$(PARITY_ENV) HDMNET_EMU_CC=90 HDMNET_TEST_PRECISION=bf16 $(CUDA_GO) test -count=1 -tags cuda -run 'EvalGolden/eval_pascal_resnet50_1shot$$' ./internal/model
	$(PARITY_ENV) HDMNET_EMU_SEED=7 $(CUDA_GO) test -count=1 -tags cuda -run BranchesChangeNoBit ./internal/model
	$(PARITY_ENV) $(CUDA_GO) test -count=1 -tags cuda -run 'TwoDevices|Doctor|Faults|BenchTrace|KilledOverTCP' ./cmd/hdmnet
	$(PARITY_ENV) HDMNET_EMU_DRY=1 HDMNET_EMU_MEMORY=32768 HDMNET_TEST_LARGE=1 $(CUDA_GO) test -count=1 -tags cuda -run 'LargeStep|TraceLarge|ToldOfCompiling' ./internal/model ./cmd/hdmnet

# make trace TRACE='--mode eval --batch 1' counts something else.
TRACE ?= --mode train --batch 6
trace: build-cuda $(EMU)/libcuda.so.1 ## launches and bytes of a step at full size, on the emulated driver that runs no kernel
	HDMNET_CUDA_DRIVER=$(EMU)/libcuda.so.1 HDMNET_EMU_DRY=1 HDMNET_EMU_MEMORY=65536 HDMNET_CUDA_LIBRARIES=off \
		bin/hdmnet bench model --trace --device cuda --config coco20i_resnet50 --size 633 --precision bf16 $(TRACE)

# make gpu-bundle PEER=DIR takes the PyTorch program along that times are compared with.
GPU_BUNDLE := build/gpu-bundle
gpu-bundle: $(CUDA_LIB) ## everything for gpu-check on a machine without Go, in one folder
	$(CUDA_GO:%$(GO)=%)GO=$(GO) sh scripts/gpu-bundle.sh $(GPU_BUNDLE) $(PEER)

gpu-check: gpu-bundle ## what only a GPU can show: tests, sanitizer, memory, times; GPU_CHECK='--steps suite,golden'
	sh $(GPU_BUNDLE)/gpu-check.sh $(GPU_CHECK)

test: ## the README's test command
	$(GO) test ./...

test-browser: ## the page of hdmnet serve in a headless Chromium; pictures for the docs: BROWSER_ARGS='-screens ../../docs'
	$(GO) test -count=1 -tags browser -run '^TestPage' ./cmd/hdmnet $(BROWSER_ARGS)

race: ## the race detector on everything that runs in parallel
	$(GO) test -race -short ./internal/data ./internal/dist/... ./internal/prepare ./internal/train ./internal/weights

vet: ## vet, formatting, and the platforms that have no assembly
	$(GO) vet ./...
	GOARCH=arm64 $(GO) vet ./...
	CGO_ENABLED=0 $(GO) build ./...
	@test -z "$$(gofmt -l .)" || { echo "gofmt would change:"; gofmt -l .; exit 1; }

LINT := build/golangci-lint
LINT_VERSION := v2.15.0
$(LINT): Makefile # installed once; a minute and a half of compiling
	CGO_ENABLED=0 GOBIN=$(CURDIR)/build $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
	@touch $@

lint: $(LINT) $(CUDA_LIB) ## golangci-lint (.golangci.yml), also on what only a CUDA build compiles
	CGO_ENABLED=0 $(LINT) run ./...
	$(CUDA_GO:%$(GO)=%)$(LINT) run --build-tags cuda ./internal/cuda/... ./internal/device ./internal/train ./cmd/hdmnet

# Readers of files that come from elsewhere are fuzzed for longer.
FUZZTIME ?= 10s
FUZZTIME_FILES ?= 60s
fuzz: ## every fuzz target
	@for f in $$(grep -rlE '^func Fuzz' --include='*_test.go' .); do \
		case $$f in ./internal/coco/*|./internal/matfile/*|./internal/weights/*|./internal/prepare/*) t=$(FUZZTIME_FILES);; *) t=$(FUZZTIME);; esac; \
		for n in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9_]*).*/\1/p' $$f); do \
			echo $$t $$n $$(dirname $$f); \
		done; \
	done | GO="$(GO)" xargs -P 2 -n 3 scripts/fuzz.sh

bench: ## operators, forward and backward
	$(GO) test -run '^$$' -bench . ./internal/cpu

generate: ## the assembly, and the device that traces calls
	$(GO) generate ./internal/cpu ./internal/rows ./internal/trace

smoke: build ## a short training, evaluation and prediction with the binary
	sh scripts/smoke.sh bin/hdmnet

# The same commit gives the same bytes. Needs zig, for the build with CUDA (build-cuda-portable), and the network, for the tools.
VERSION ?= $(shell sed -n 's/^const Number = "\(.*\)"/\1/p' internal/cli/root/version.go)
release: ## the files of a release in dist/: make release VERSION=0.2.0
	$(GO) run ./scripts/release -version $(VERSION) -out dist

images: ## container images; needs docker or a program that takes its arguments: DOCKER
	$(DOCKER) build -f packaging/Dockerfile -t hdmnet:$(VERSION) .
	$(DOCKER) build -f packaging/Dockerfile.cuda -t hdmnet:$(VERSION)-cuda .
DOCKER ?= docker

ci: ## what continuous integration runs
	.ci/run
