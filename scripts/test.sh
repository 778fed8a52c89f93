#!/usr/bin/env bash
# Everything that CI runs: lint; every package once; those that share state
# between goroutines again under the race detector; the built programs, end to
# end; the pages in a browser. All of it is run even when something fails, so that one run tells all.
set -uo pipefail
cd "$(dirname "$0")/.."
export TAGS=${TAGS:-duckdb_arrow} GATEHOUSE_BIN=$PWD/bin

failed=()
stage() {
  local name=$1
  shift
  local start=$SECONDS
  "$@" || failed+=("$name")
  echo "-- $name took $((SECONDS - start)) s"
}

units() {
  go test -timeout 20m -tags "$TAGS" $(go list -tags "$TAGS" ./... | grep -v '/test/e2e$')
}

# The race detector costs a second build of everything below a package, so it is
# kept to packages that do not link DuckDB (C++ is not what it looks at anyway).
# The random walks and the tables of who may do what take one step after another:
# there is no race to find in them.
sequential='RandomWalks|EveryStateStepAndRole|ThirdPartiesCanVerify|AnyChangedByte|DutiesAreKeptApart|EnterRefuses|WhoMayApprove'
races() {
  local package concurrent=()
  for package in infra/flight infra/engine infra/journal infra/state infra/web workspaces egress; do
    go list -tags "$TAGS" -test -deps -f '{{.ImportPath}}' "./$package" | grep -q '^github.com/duckdb/' || concurrent+=("./$package")
  done
  go test -race -timeout 20m -skip "$sequential" -tags "$TAGS" "${concurrent[@]}"
}

end_to_end() {
  go test -count=1 -timeout 20m ./test/e2e
}

stage lint scripts/lint.sh
stage "unit tests" units
stage "race detector" races
stage "end to end" end_to_end
stage "API as described" .venv/bin/python test/api/run.py
stage "the pages in a browser" scripts/browser.sh

if ((${#failed[@]} > 0)); then
  printf 'FAILED:'
  printf ' %s;' "${failed[@]}"
  echo
  exit 1
fi
echo "all tests passed"
