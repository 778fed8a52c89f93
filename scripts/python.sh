#!/usr/bin/env bash
# Makes .venv, with the Python packages that the notebook, the end-to-end tests
# and the benchmark use, at the versions of test/requirements.txt, and with the
# module of docs/notebooks/gatehouse as it stands there.
set -euo pipefail
cd "$(dirname "$0")/.."

stamp=.venv/requirements.txt

# What the module needs is in .venv already, so that nothing is downloaded.
module() {
  .venv/bin/python -c 'import gatehouse.connection' 2>/dev/null ||
    .venv/bin/pip install --quiet --disable-pip-version-check --no-input --no-index --no-deps --no-build-isolation --editable docs/notebooks/gatehouse
}

if cmp -s test/requirements.txt "$stamp" && .venv/bin/python -c '' 2>/dev/null; then
  module
  exit
fi
if ! command -v python3 >/dev/null; then
  echo "Python 3 is missing. Install python3, then try again." >&2
  exit 1
fi
if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
  if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
    echo "Python's venv module is missing. Run: sudo apt-get install python3-venv" >&2
    exit 1
  fi
  echo "Python's venv module is missing: installing python3-venv with apt-get"
  export DEBIAN_FRONTEND=noninteractive
  apt-get install -qq -y --no-install-recommends python3-venv >/dev/null 2>&1 ||
    { apt-get update -qq && apt-get install -qq -y --no-install-recommends python3-venv >/dev/null; }
fi
echo "making .venv and installing the packages of test/requirements.txt into it with pip (about 800 MB, once)"
python3 -m venv --clear .venv
.venv/bin/pip install --quiet --disable-pip-version-check --no-input -r test/requirements.txt
module
cp test/requirements.txt "$stamp"
