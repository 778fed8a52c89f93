#!/usr/bin/env bash
# Gatehouse starts its engines inside bubblewrap. This makes sure that it is
# here, and says what it does; it changes nothing when bubblewrap is installed.
set -euo pipefail

if command -v bwrap >/dev/null; then
  exit 0
fi
if [[ $(id -u) != 0 ]]; then
  echo "bubblewrap is missing, and only root can install it. Run: sudo apt-get install bubblewrap" >&2
  exit 1
fi
if ! command -v apt-get >/dev/null; then
  echo "bubblewrap is missing. Install it with your system's package manager (the package is called bubblewrap)." >&2
  exit 1
fi
echo "bubblewrap is missing: installing it with apt-get (the engines' sandbox needs it)"
export DEBIAN_FRONTEND=noninteractive
apt-get install -qq -y --no-install-recommends bubblewrap >/dev/null 2>&1 ||
  { apt-get update -qq && apt-get install -qq -y --no-install-recommends bubblewrap >/dev/null; }
bwrap --version
