#!/bin/bash
# Run the scenarios, at the base revision first where there is one. The verdict is for publish.sh,
# which reads what is on disk: this script fails only when it cannot start.
set -euo pipefail
# shellcheck source=SCRIPTDIR/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

tier="${INPUT_TIER:?}"
workspace="${GITHUB_WORKSPACE:-$PWD}"
tree="${INPUT_TREE:-harness/systems/pocket}"

read_scenarios "$INPUT_SCENARIOS"
common=(--scenarios "$root/scenarios")
case "$INPUT_KVM" in
  require) common+=(--accelerator require-kvm) ;;
  off) common+=(--accelerator tcg) ;;
  *) common+=(--accelerator auto) ;;
esac
if [ -n "$INPUT_STRATEGIES" ]; then
  common+=("--strategy=$INPUT_STRATEGIES")
fi
if [ -n "$INPUT_SHARD" ]; then
  common+=("--shard=$INPUT_SHARD")
fi
if [ -n "$INPUT_TIMINGS" ]; then
  common+=("--timings=$INPUT_TIMINGS")
fi
if [ "$tier" = nixos ]; then
  common+=(--tier nixos)
  if [ -n "$INPUT_FLAKE" ]; then
    common+=("--flake=$INPUT_FLAKE")
  fi
fi

# Run into the folder $1, in at most $2 seconds; what follows are arguments of its own.
run() {
  local folder="$1" seconds="$2" code=0
  shift 2
  # Results of an earlier run must not pass for those of this one.
  mkdir -p "$folder"
  rm -f "$folder/results.json" "$folder/results.jsonl" "$folder/junit.xml"
  echo "running into $folder for at most $seconds s"
  # The harness ends itself in order; should it not, it is told to, and then killed.
  deaf timeout --signal=TERM --kill-after=60 $((seconds + 60)) \
    "$harness" run "${common[@]}" "$@" --report-dir "$folder" --deadline "$seconds" \
    -- "${scenarios[@]}" || code=$?
  echo "harness run ended with $code"
}

# The seconds that are left, and at least one, so that there is a report of a run that had no time.
seconds_left() {
  local left=$(($(cat "$state/deadline") - $(date +%s)))
  echo $((left > 1 ? left : 1))
}

head_arguments=()
if [ "$tier" = nixos ]; then
  if [ -n "$INPUT_NIXPKGS" ]; then
    head_arguments=("--nixpkgs=$INPUT_NIXPKGS")
  fi
  base_arguments=("--nixpkgs=$INPUT_BASE")
else
  if [ -n "$INPUT_TREE" ]; then
    head_arguments=("--tree=$workspace/$tree")
  fi
  base_arguments=("--tree=$state/base/$tree")
fi

if [ -n "$INPUT_BASE" ]; then
  if [ "$tier" = embedded ]; then
    commit="$(git -C "$workspace" rev-parse --verify --quiet --end-of-options "$INPUT_BASE^{commit}")" ||
      fail 2 "base: there is no commit '$INPUT_BASE' in the checkout (fetch-depth: 0 brings all)"
    git -C "$workspace" worktree add --quiet --force --detach "$state/base" "$commit" ||
      fail 4 "base: the revision '$INPUT_BASE' could not be checked out"
  fi
  run "$INPUT_REPORT_DIR/base" $(($(seconds_left) / 2)) "${base_arguments[@]}"
fi
run "$INPUT_REPORT_DIR" "$(seconds_left)" "${head_arguments[@]}"
if [ -d "$state/base" ]; then
  git -C "$workspace" worktree remove --force "$state/base"
fi
