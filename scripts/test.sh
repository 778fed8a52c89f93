#!/usr/bin/env bash
# The tests: every package once; those that share state between goroutines again
# under the race detector; then the built programs, end to end.
set -euo pipefail
cd "$(dirname "$0")/.."
export TAGS=${TAGS:-duckdb_arrow}

# The race detector costs a second build of everything below a package, so it is
# kept to packages that do not link DuckDB (C++ is not what it looks at anyway).
linking_duckdb() {
  go list -tags "$TAGS" -test -deps -f '{{if not .Standard}}{{.ImportPath}}{{end}}' "$1" | grep -q '^github.com/duckdb/'
}

everything=$(go list -tags "$TAGS" ./... | grep -v '/test/e2e$')
go test -tags "$TAGS" $everything

concurrent=()
for package in infra/flight infra/engine infra/journal infra/state infra/web workspaces egress; do
  [[ -d $package ]] || continue
  linking_duckdb "./$package" || concurrent+=("./$package")
done
go test -race -tags "$TAGS" "${concurrent[@]}"

GATEHOUSE_BIN=$PWD/bin go test -count=1 -timeout 20m ./test/e2e
