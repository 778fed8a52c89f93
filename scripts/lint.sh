#!/usr/bin/env bash
# Every check of the source that needs no running program. The tools are pinned
# in go.mod, so `go tool` fetches and builds them like any dependency.
set -uo pipefail
cd "$(dirname "$0")/.."

failed=()
check() {
  local name=$1
  shift
  local start=$SECONDS
  "$@"
  case $? in
    0) printf 'lint: %-16s ok (%d s)\n' "$name" $((SECONDS - start)) ;;
    75) printf 'lint: %-16s NOT CHECKED\n' "$name" ;;
    *)
      printf 'lint: %-16s FAILED\n' "$name"
      failed+=("$name")
      ;;
  esac
}

formatted() {
  local files
  files=$(gofmt -l $(git ls-files '*.go')) || return 1
  [[ -z $files ]] || { printf 'not formatted (run make fmt):\n%s\n' "$files"; return 1; }
}

# depguard reads .depguard.yaml; without it, it would go on with no rules at all.
rooms() {
  [[ -r .depguard.yaml ]] || { echo ".depguard.yaml is missing"; return 1; }
  GOFLAGS="${GOFLAGS:-} -tags=$TAGS" go tool depguard ./...
}

export TAGS=${TAGS:-duckdb_arrow}
check gofmt formatted
check vet go vet -tags "$TAGS" ./...
check staticcheck go tool staticcheck -tags "$TAGS" ./...
check depguard rooms
check imports go test -count=1 -run '^TestImports' .
check vulnerabilities scripts/vulnerabilities.sh

if ((${#failed[@]} > 0)); then
  echo "lint: FAILED: ${failed[*]}"
  exit 1
fi
