#!/bin/bash
# What the scripts of this action share: where things are, and how an error is told.
# shellcheck disable=SC2034 # the variables are for the scripts that source this one

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)"
state="${RUNNER_TEMP:-${TMPDIR:-/tmp}}/offline-rebuild"
harness="$state/venv/bin/harness"

# End with exit code $1 and an annotation that says $2.
# The words can come from anyone, so that what the syntax of workflow commands reserves is escaped.
fail() {
  local code="$1" text="$2"
  text="${text//'%'/%25}"
  text="${text//$'\r'/%0D}"
  text="${text//$'\n'/%0A}"
  printf '::error title=offline rebuild::%s\n' "$text"
  exit "$code"
}

# Run a command, while the runner takes nothing that it prints for a workflow command.
deaf() {
  local token code=0
  token="$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
  printf '::stop-commands::%s\n' "$token"
  "$@" || code=$?
  printf '::%s::\n' "$token"
  return "$code"
}

# The words of scenarios as an array `scenarios`: split at white space, and nothing is expanded.
read_scenarios() {
  scenarios=()
  read -r -d '' -a scenarios <<<"$1" || true
}
