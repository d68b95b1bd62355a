# Retrain. `make` alone prints this help; `make demo` and `make test` are all that a fresh machine needs.

TENSORFLOW := $(CURDIR)/.tensorflow
TOOLS      := $(CURDIR)/.tools
PROGRAMS   := producer worker scheduler standalone
VERSION    := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

# The rpath makes LD_LIBRARY_PATH unnecessary: first the library of this checkout, then one beside the program's folder.
export CGO_CFLAGS  = -I$(TENSORFLOW)/include
export CGO_LDFLAGS = -L$(TENSORFLOW)/lib -ltensorflow_framework -Wl,-rpath,$(TENSORFLOW)/lib -Wl,-rpath,$$ORIGIN/../lib
export TF_CPP_MIN_LOG_LEVEL ?= 2
GO      ?= go
LDFLAGS := -X retrain/internal/app.Version=$(VERSION)

.DEFAULT_GOAL := help
.PHONY: help demo test check fmt vet lint race build libtensorflow redis protos clean

help: ## this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build redis ## real records in, a trained model out, and a prediction that reloads itself
	@$(GO) run ./internal/demo

test: libtensorflow redis ## all tests, on a real Redis, a real S3 gateway and real TensorFlow
	$(GO) test ./...

check: fmt vet lint race ## what CI runs: format, vet, lint, tests with the race detector

build: libtensorflow ## the programs, into bin/
	@mkdir -p bin
	@CGO_ENABLED=0 $(GO) build -ldflags '$(LDFLAGS)' -o bin/ ./cmd/producer ./cmd/scheduler
	@$(GO) build -ldflags '$(LDFLAGS)' -o bin/ ./cmd/worker ./cmd/standalone

libtensorflow: ## TensorFlow's C library and headers, fetched when missing
	@third_party/libtensorflow.sh $(TENSORFLOW)

redis: ## redis-server, from the distribution when missing and permitted
	@third_party/redis-server.sh

fmt: ## is everything formatted?
	@unformatted=$$(gofmt -l $$(git ls-files '*.go' | grep -v ^third_party/)); \
	test -z "$$unformatted" || { echo "not formatted: $$unformatted" >&2; exit 1; }

vet: libtensorflow
	$(GO) vet ./...

lint: libtensorflow $(TOOLS)/golangci-lint ## golangci-lint with .golangci.yml
	$(TOOLS)/golangci-lint run

$(TOOLS)/golangci-lint:
	@echo "building golangci-lint (once) ..." >&2
	@GOBIN=$(TOOLS) GOFLAGS= $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.12.2

race: libtensorflow redis
	$(GO) test -race ./...

protos: ## regenerate third_party/tensorflow-protos (needs protoc and protoc-gen-go)
	third_party/tensorflow-protos/generate.sh

clean: ## what was built and the demo's data; the fetched libraries stay
	rm -rf bin .demo
