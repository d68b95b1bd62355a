# Retrain. `make` alone prints this help; `make demo` and `make test` are all that a fresh machine needs.

FLAVOUR    ?= cpu
TENSORFLOW := $(CURDIR)/.tensorflow$(filter-out -cpu,-$(FLAVOUR))
TOOLS      := $(CURDIR)/.tools
PROGRAMS   := producer worker scheduler standalone
VERSION    := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

# The rpath makes LD_LIBRARY_PATH unnecessary: first the library of this checkout, then one beside the program's folder.
export CGO_CFLAGS  = -I$(TENSORFLOW)/include
export CGO_LDFLAGS = -L$(TENSORFLOW)/lib -ltensorflow_framework -Wl,-rpath,$(TENSORFLOW)/lib -Wl,-rpath,$$ORIGIN/../lib
export TF_CPP_MIN_LOG_LEVEL ?= 2
GO      ?= go
LDFLAGS := -X retrain/internal/app.released=$(VERSION)

.DEFAULT_GOAL := help
.PHONY: help bench bench-quick demo test check chart-check image-check sbom chaos fmt vet lint build bench-fit bench-runs bench-records bench-ingest fuzz gpu-check libtensorflow redis chromium prometheus protos clean bench-serve bench-page bench-promotions

help: ## this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build redis ## real records in, a trained model out, and a prediction that reloads itself
	@$(GO) run ./internal/demo

test: libtensorflow redis chromium prometheus ## all tests, on a real Redis, a real S3 gateway and real TensorFlow
	PATH="$$PATH:$(TOOLS)/prometheus/usr/bin" $(GO) test -timeout 25m $(RACE) ./...

check: fmt vet lint ## what CI runs: format, vet, lint, tests with the race detector
	@$(MAKE) --no-print-directory test RACE=-race
	@$(MAKE) --no-print-directory chart-check

chart-check: ## the Helm chart, rendered in many ways and held against the types of Kubernetes and KEDA
	@cd deploy/check && $(GO) test ./...

image-check: libtensorflow ## what is in the images, made and tried in a chroot without an engine for images (as root)
	@deploy/image/check.sh $(TENSORFLOW) $(FLAVOUR)

sbom: build $(TOOLS)/cyclonedx-gomod ## what the programs are made of, as CycloneDX, beside them in bin/
	@deploy/image/sbom.sh $(TOOLS)/cyclonedx-gomod bin $(TENSORFLOW)

$(TOOLS)/cyclonedx-gomod:
	@GOBIN=$(TOOLS) GOFLAGS= $(GO) install github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0

build: libtensorflow ## the programs, into bin/
	@mkdir -p bin
	@CGO_ENABLED=0 $(GO) build -ldflags '$(LDFLAGS)' -o bin/ ./cmd/producer ./cmd/scheduler
	@$(GO) build -ldflags '$(LDFLAGS)' -o bin/ ./cmd/worker ./cmd/standalone

chaos: libtensorflow redis ## kill -9, cut connections, wrong clocks, empty Redis … for FOR=5m by SEED=1, on real processes; then check that nothing was lost
	@$(GO) run ./internal/chaos $(if $(BIN),-bin $(BIN)) -seed $(or $(SEED),1) -for $(or $(FOR),5m) -redis $(or $(REDIS),single) -workers $(or $(WORKERS),2) \
		$(if $(NETNS),-netns) $(if $(OTHER),-other $(OTHER))

bench: build redis chromium ## all of bench/ beside its peers, into bench/RESULTS.md: PYTHON=, SERVE_PYTHON=, S3DBJS= (bench/all.sh says what they are)
	@GO="$(GO)" bench/all.sh > bench/RESULTS.tmp && mv bench/RESULTS.tmp bench/RESULTS.md

bench-quick: build redis chromium ## the same in five minutes, on the terminal
	@GO="$(GO)" bench/all.sh quick

bench-fit: libtensorflow ## trainings beside Keras, JAX and scikit-learn: PYTHON=a python that has them (bench/fit/requirements.txt)
	@$(GO) run ./bench/fit -python $(or $(PYTHON),python3) -svg bench/fit/fit.svg

bench-records: libtensorflow ## records written and read, beside s3db.js: S3DBJS=…/node_modules/s3db.js/dist/lite.js
	@$(GO) run ./bench/records $(if $(S3DBJS),-s3dbjs $(S3DBJS)) -rows $(or $(ROWS),1000000)

FUZZTIME ?= 10m
fuzz: libtensorflow ## every decoder's fuzz target, one after another, FUZZTIME each
	@for file in $$(git ls-files 's3io/*_test.go' 'internal/*_test.go' 'mlcore/*_test.go' 'cmd/*_test.go' | xargs grep -l '^func Fuzz'); do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9]*\)(.*/\1/p' $$file); do \
			echo "$$file $$target"; \
			$(GO) test ./$$(dirname $$file) -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x -parallel 1 | tail -n 2 || exit 1; \
		done; done

bench-page: libtensorflow redis chromium ## the page with 500 models, 10,000 runs and 100 updates a second, in a real browser
	@GO="$(GO)" MODELS=$(or $(MODELS),500) bench/page.sh

bench-ingest: ## 10,000 inserts at once into a producer that runs: CONFIG=DATA/client.yaml URL=http://127.0.0.1:8080
	@$(GO) run ./bench/ingest -config $(CONFIG) -url $(or $(URL),http://127.0.0.1:8080)


bench-serve: build ## predictions beside FastAPI and MLServer, then insert to served: PYTHON=a python that has them (bench/serve/requirements.txt)
	@$(GO) run ./bench/serve -python "$(PYTHON)"
	@$(GO) run ./bench/serve -served 20

bench-promotions: libtensorflow redis ## 200 promotions and a dead Redis under open load, then 1,000 swaps and the memory they leave
	@$(GO) test -count=1 -run TestPromotionsUnderLoad -v ./cmd/worker -promotions 200
	@$(GO) test -count=1 -run TestPromotionsUnderLoad -v ./cmd/worker -promotions 1000 -rate 0

gpu-check: SHELL := bash
gpu-check: ## on a machine with a GPU: its devices, then parity, gradients and speed on it
	@$(MAKE) --no-print-directory build FLAVOUR=gpu
	@. .tensorflow-gpu/env && bin/worker doctor && bin/worker doctor --json | grep -q GPU || \
		{ echo "TensorFlowDependencyError: TensorFlow finds no GPU here: is its driver installed?" >&2; exit 1; }
	@. .tensorflow-gpu/env && CGO_CFLAGS="-I$(CURDIR)/.tensorflow-gpu/include" \
		CGO_LDFLAGS="-L$(CURDIR)/.tensorflow-gpu/lib -ltensorflow_framework -Wl,-rpath,$(CURDIR)/.tensorflow-gpu/lib" \
		$(GO) test -count=1 -bench=. -benchtime=3x ./mlcore/...

bench-runs: build redis ## our handlers beside asynq alone; death to resumed, SIGTERM to exit, cancel to terminal: 20 each, with real programs
	@$(GO) run ./bench/runs

libtensorflow: ## TensorFlow's C library and headers, fetched when missing; FLAVOUR=gpu: with CUDA
	@third_party/libtensorflow.sh $(TENSORFLOW) $(FLAVOUR)

redis: ## redis-server, from the distribution when missing and permitted
	@third_party/redis-server.sh

chromium: ## a browser for the tests of the page, from the distribution when missing and permitted
	@third_party/chromium.sh

prometheus: ## Prometheus and promtool for the tests of the alerts, from the distribution when missing
	@third_party/prometheus.sh $(TOOLS)/prometheus

fmt: ## is everything formatted?
	@unformatted=$$(gofmt -l $$(git ls-files '*.go' | grep -v ^third_party/)); \
	test -z "$$unformatted" || { echo "not formatted: $$unformatted" >&2; exit 1; }

vet: libtensorflow
	$(GO) vet ./...

# A cache of its own: what another checkout left in the shared one names files that may be gone.
lint: libtensorflow $(TOOLS)/golangci-lint ## golangci-lint with .golangci.yml
	GOLANGCI_LINT_CACHE=$(TOOLS)/lint-cache $(TOOLS)/golangci-lint run

$(TOOLS)/golangci-lint:
	@echo "building golangci-lint (once) ..." >&2
	@GOBIN=$(TOOLS) GOFLAGS= $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.12.2

protos: ## regenerate third_party/tensorflow-protos (needs protoc and protoc-gen-go)
	third_party/tensorflow-protos/generate.sh

clean: ## what was built, the demo's data and the chaos'; the fetched libraries stay
	rm -rf bin .demo .chaos
