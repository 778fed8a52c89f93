#!/usr/bin/env bash
# Looks for known vulnerabilities in what we call. The list of them comes from
# the network. Where it cannot be reached this says so and exits with 75, which
# is neither found nor clear; anything else that fails, fails.
set -uo pipefail
cd "$(dirname "$0")/.."

database=${VULNDB:+-db=$VULNDB}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# The modules alone take a moment, and need the same list.
if ! go tool govulncheck $database -scan=module >"$log" 2>&1 &&
  grep -qE 'fetching vulnerabilities: .*(dial tcp|no such host|timeout|connection refused|proxyconnect)' "$log"; then
  echo "govulncheck cannot reach its vulnerability database from here: nothing was looked up."
  echo "Run 'make lint' where it can be reached, or with VULNDB=file:///path/to/a/copy."
  exit 75
fi
exec go tool govulncheck $database -tags "${TAGS:-duckdb_arrow}" ./...
