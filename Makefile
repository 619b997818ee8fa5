# What a developer runs; users need only `go run ./cmd/hdmnet`.
GO ?= go

.PHONY: build test race vet fuzz bench generate smoke ci

build: ## the binary, static, in bin/
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/hdmnet ./cmd/hdmnet

test: ## the README's test command
	$(GO) test ./...

race: ## the race detector on everything that runs in parallel
	$(GO) test -race -short ./internal/data ./internal/prepare ./internal/train ./internal/weights

vet: ## vet, formatting, and the platforms that have no assembly
	$(GO) vet ./...
	GOARCH=arm64 $(GO) vet ./...
	CGO_ENABLED=0 $(GO) build ./...
	@test -z "$$(gofmt -l .)" || { echo "gofmt would change:"; gofmt -l .; exit 1; }

# Readers of files that come from elsewhere are fuzzed for longer.
FUZZTIME ?= 10s
FUZZTIME_FILES ?= 60s
fuzz: ## every fuzz target
	@for f in $$(grep -rlE '^func Fuzz' --include='*_test.go' .); do \
		case $$f in ./internal/coco/*|./internal/matfile/*|./internal/weights/*|./internal/data/decode_test.go) t=$(FUZZTIME_FILES);; *) t=$(FUZZTIME);; esac; \
		for n in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9_]*).*/\1/p' $$f); do \
			echo "fuzz $$n in $$(dirname $$f) for $$t"; \
			$(GO) test -run '^$$' -fuzz "^$$n\$$" -fuzztime $$t -fuzzminimizetime 20x $$(dirname $$f) || exit 1; \
		done; \
	done

bench: ## operators, forward and backward
	$(GO) test -run '^$$' -bench . ./internal/cpu

generate: ## the assembly
	$(GO) generate ./internal/cpu ./internal/rows

smoke: build ## a short training, evaluation and prediction with the binary
	sh scripts/smoke.sh bin/hdmnet

ci: ## what continuous integration runs
	.ci/run
