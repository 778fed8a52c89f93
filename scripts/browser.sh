#!/usr/bin/env bash
# Walks the pages of a demonstration of its own in Chromium, as every role. The
# programs must be built (make build) and .venv made (make python). With a folder
# as argument, pictures of the pages are written there. It takes a minute or two
# on a machine of its own, and is given BROWSER_TIME seconds (300).
set -euo pipefail
cd "$(dirname "$0")/.."

chromium=${CHROMIUM:-/usr/bin/chromium}
if [[ ! -x $chromium ]]; then
  if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
    echo "Chromium is missing. Run: sudo apt-get install chromium (or say where it is in CHROMIUM)" >&2
    exit 1
  fi
  echo "Chromium is missing: installing it with apt-get"
  export DEBIAN_FRONTEND=noninteractive
  apt-get install -qq -y --no-install-recommends chromium >/dev/null 2>&1 ||
    { apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium >/dev/null; }
fi

work=$(mktemp -d)
"${GATEHOUSE_BIN:-bin}/gatehouse" demo --people 2000 --dir "$work/demo" --ready "$work/ready.json" >"$work/log" 2>&1 &
demo=$!
finish() {
  kill "$demo" 2>/dev/null || true
  wait "$demo" 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
for _ in $(seq 240); do
  [[ -e $work/ready.json ]] && break
  kill -0 "$demo" 2>/dev/null || { cat "$work/log" >&2; exit 1; }
  sleep 0.5
done
[[ -e $work/ready.json ]] || { echo "the demonstration does not serve" >&2; tail "$work/log" >&2; exit 1; }
timeout "${BROWSER_TIME:-300}" .venv/bin/python test/browser/walk.py --ready "$work/ready.json" --chromium "$chromium" ${1:+--screens "$1"}
