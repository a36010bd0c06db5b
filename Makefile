# Everything a developer or CI runs. `make` alone lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GO ?= go
# What to test, vet, fuzz and measure; for example: make test PACKAGES=./internal/store/...
PACKAGES ?= ./...
# More for `go test`; for example: make test TESTFLAGS='-run TestOrder -v'
TESTFLAGS ?=
# How long each fuzz target and each benchmark runs.
FUZZTIME ?= 10s
BENCHTIME ?= 1s

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
# Linters live in a module of their own, so that the product's go.mod lists what the product needs.
TOOL := $(GO) tool -modfile=tools/go.mod

# The packages where goroutines meet; those that do not exist are left out.
RACE_PACKAGES := ./internal/store/... ./internal/jobs/... ./internal/intake/... ./internal/flow/... ./internal/httpx/... \
	./internal/desk/...

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: build
build: ## build the static binary bin/orderly
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/orderly ./cmd/orderly

.PHONY: test
test: ## set up what the tests need and run every test, on SQLite and PostgreSQL
	@scripts/test-setup.sh
	$(GO) vet $(PACKAGES)
	scripts/with-postgres.sh $(GO) test -timeout 15m $(TESTFLAGS) $(PACKAGES)

.PHONY: race
race: ## run the tests of the concurrent packages under the race detector, in random order
	@scripts/test-setup.sh
	GO='$(GO)' scripts/with-postgres.sh scripts/race.sh $(RACE_PACKAGES)

.PHONY: lint
lint: ## run the linters, the module checks and the vulnerability check
	$(TOOL) golangci-lint run
	$(GO) mod verify
	$(GO) mod tidy -diff
	GO='$(GO)' scripts/vulncheck.sh

.PHONY: generate
generate: ## run all generators
	$(GO) generate ./...

.PHONY: check-generated
check-generated: ## fail when running the generators changes a file
	MAKE='$(MAKE)' scripts/check-generated.sh

.PHONY: bench
bench: ## run all benchmarks
	@scripts/test-setup.sh
	scripts/with-postgres.sh $(GO) test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) $(TESTFLAGS) $(PACKAGES)

.PHONY: screenshots
screenshots: ## take pictures of every screen into docs/screens, in light and dark
	@scripts/test-setup.sh
	$(GO) test ./e2e -count=1 -timeout 15m -run '^TestScreenshots$$' -screenshots "$(CURDIR)/docs/screens"

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME (10s)
	GO='$(GO)' scripts/fuzz.sh $(FUZZTIME) $(PACKAGES)

.PHONY: clean
clean: ## remove what the build made
	rm -rf bin dist
