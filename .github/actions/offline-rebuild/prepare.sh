#!/bin/bash
# Check the inputs, note the deadline, make room on the disk, make KVM usable.
set -euo pipefail
# shellcheck source=SCRIPTDIR/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

one_of() {
  local name="$1" value="$2" word
  shift 2
  for word in "$@"; do
    if [ "$value" = "$word" ]; then
      return
    fi
  done
  fail 2 "the input $name is '$value', and can be: $*"
}

# shellcheck disable=SC2153 # all inputs come from the environment
one_of tier "$INPUT_TIER" embedded nixos
one_of fail-on "$INPUT_FAIL_ON" failures errors regressions nothing
one_of kvm "$INPUT_KVM" require prefer off
one_of job-summary "$INPUT_JOB_SUMMARY" true false
one_of free-disk "$INPUT_FREE_DISK" true false
one_of annotations "$INPUT_ANNOTATIONS" 0 1 2 3 4 5 6 7 8 9
if [ "$INPUT_TIER" = embedded ] && [ -n "$INPUT_NIXPKGS$INPUT_FLAKE" ]; then
  fail 2 "nixpkgs and flake are for tier: nixos"
fi
if [ "$INPUT_TIER" = nixos ] && [ -n "$INPUT_TREE" ]; then
  fail 2 "tree is for tier: embedded"
fi
if [ "$INPUT_FAIL_ON" = regressions ] && [ -z "$INPUT_BASE" ]; then
  fail 2 "fail-on: regressions needs a base to compare with"
fi
if [ -n "$INPUT_SHARDS" ] && [ -n "$INPUT_SHARD" ]; then
  fail 2 "shards plans and shard runs: give only one of the two"
fi
if ! [[ "$INPUT_TIMEOUT_MINUTES" =~ ^[1-9][0-9]{0,3}$ ]] || [ "$INPUT_TIMEOUT_MINUTES" -le 5 ]; then
  fail 2 "timeout-minutes is '$INPUT_TIMEOUT_MINUTES', and has to be a number from 6 up"
fi

mkdir -p "$state"
echo $(($(date +%s) + (INPUT_TIMEOUT_MINUTES - 5) * 60)) >"$state/deadline"

# Toolchains that GitHub preinstalls and nothing here uses. They are moved aside at once and deleted
# in the background. On other runners they could be somebody's.
if [ "$INPUT_FREE_DISK" = true ] && [ "${RUNNER_ENVIRONMENT:-}" = github-hosted ]; then
  for folder in /usr/share/dotnet /usr/local/lib/android /opt/ghc /opt/hostedtoolcache/CodeQL; do
    if [ -d "$folder" ]; then
      sudo mv "$folder" "$folder.unused"
      sudo rm -rf "$folder.unused" >/dev/null 2>&1 &
    fi
  done
fi
df -h . "$state"

if [ "$INPUT_KVM" != off ] && [ -e /dev/kvm ] && ! [ -w /dev/kvm ]; then
  echo "making /dev/kvm usable for $(id -un)"
  sudo chmod 0666 /dev/kvm || echo "that did not work"
fi
if [ "$INPUT_KVM" = require ] && ! [ -w /dev/kvm ]; then
  fail 4 "kvm: require, and this runner has no /dev/kvm that could be used"
fi
