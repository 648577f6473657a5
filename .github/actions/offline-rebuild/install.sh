#!/bin/bash
# Install the harness into a virtual environment of its own, and what its tier needs.
set -euo pipefail
# shellcheck source=SCRIPTDIR/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

extra=""
if [ -n "$INPUT_SHARDS" ]; then
  echo "nothing is run here, so that only the harness itself is installed"
elif [ "$INPUT_TIER" = nixos ]; then
  if ! command -v nix >/dev/null; then
    fail 4 "tier: nixos needs Nix: install it in a step before this one"
  fi
else
  deaf "$root/.ci/install-packages" || fail 4 "the Debian packages could not be installed"
  extra="[embedded]"
fi
python3 -m venv "$state/venv" || fail 4 "Python's venv does not work here"
deaf "$state/venv/bin/python" -m pip install --quiet --editable "$root$extra" ||
  fail 4 "the harness could not be installed"
"$harness" --version
