# Everything that CI runs can be run here. Run `make` to see the targets.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS   += --no-print-directory

# duckdb_arrow: the engine hands its results out as Arrow.
TAGS    := duckdb_arrow
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unreleased)

# The same source gives the same bytes: no paths, no build ids, no dates. Tests
# and linters are given the same flags, so that nothing is compiled twice.
GOFLAGS += -trimpath -buildvcs=false
GOBUILD := go build -tags $(TAGS) -ldflags '-s -w -buildid= -X main.version=$(VERSION)'

export TAGS GOFLAGS

.PHONY: help
help: ## show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | expand -t 14

.PHONY: build
build: ## build bin/gatehouse and bin/gatehouse-engine
	$(GOBUILD) -o bin/gatehouse ./cmd/gatehouse
	$(GOBUILD) -o bin/gatehouse-engine ./cmd/gatehouse-engine

.PHONY: demo
demo: bubblewrap build ## build, then run the demonstration (DEMO='--people 1000' to pass flags)
	bin/gatehouse demo $(DEMO)

.PHONY: test
test: bubblewrap python build ## everything that CI runs: lint, unit, race, end to end
	scripts/test.sh

.PHONY: lint
lint: ## gofmt, vet, staticcheck, depguard, the import rules, known vulnerabilities
	scripts/lint.sh

.PHONY: bench
bench: bubblewrap python build ## publication beside plain DuckDB, gated beside plain queries
	.venv/bin/python test/bench/bench.py $(BENCH)

.PHONY: bench-gate
bench-gate: bubblewrap python build ## what the gate costs, beside plain DuckDB, beside ACRO, and beside its goals
	.venv/bin/python test/bench/gate.py $(BENCH)

.PHONY: bench-publish
bench-publish: bubblewrap python build ## what a publication costs, beside plain DuckDB, and beside its goals
	.venv/bin/python test/bench/publish.py $(BENCH)

.PHONY: bench-api
bench-api: bubblewrap build ## 500 requests a second of reads and journaled writes, beside plain SQLite commits
	go run ./test/load $(BENCH)

.PHONY: test-api
test-api: bubblewrap build ## the API tried as its description says, as several roles; a released crate validated
	python3 test/api/run.py $(API)

.PHONY: test-kill
test-kill: ## kill -9 at 500 points of publications (KILLS=n for another number)
	GATEHOUSE_KILLS=$(or $(KILLS),500) go test -count 1 -timeout 4h -v -run '^TestAKilledPublication' ./catalog

.PHONY: fmt
fmt: ## format the Go code
	gofmt -w $$(git ls-files '*.go')

.PHONY: clean
clean: ## remove what make made: bin and the Pythons
	rm -rf bin .venv .venv-acro .venv-api

.PHONY: bubblewrap
bubblewrap:
	@scripts/bubblewrap.sh

.PHONY: python
python: ## make .venv: Python for the notebook, the end-to-end tests and the benchmark
	@scripts/python.sh
