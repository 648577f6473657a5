#!/bin/bash
# Print the shards as a matrix for another job, in the output `matrix`.
set -euo pipefail
# shellcheck source=SCRIPTDIR/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

if [ -z "${GITHUB_OUTPUT:-}" ]; then
  fail 2 "GITHUB_OUTPUT is not set, so the matrix has nowhere to go"
fi
read_scenarios "$INPUT_SCENARIOS"
arguments=(--tier "$INPUT_TIER" --scenarios "$root/scenarios" --shards "$INPUT_SHARDS" --format json)
if [ -n "$INPUT_STRATEGIES" ]; then
  arguments+=("--strategy=$INPUT_STRATEGIES")
fi
if [ -n "$INPUT_TIMINGS" ]; then
  arguments+=("--timings=$INPUT_TIMINGS")
fi
# Into a file first: in `echo "matrix=$(...)"` the exit code would be lost.
"$harness" plan "${arguments[@]}" -- "${scenarios[@]}" >"$state/matrix.json" ||
  fail 2 "the shards could not be planned: see the log"
printf 'matrix=%s\n' "$(cat "$state/matrix.json")" >>"$GITHUB_OUTPUT"
cat "$state/matrix.json"
