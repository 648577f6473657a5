#!/bin/bash
# Hand the report to the forge: log, annotations, job summary, outputs; and end with the verdict.
set -euo pipefail
# shellcheck source=SCRIPTDIR/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

if ! [ -x "$harness" ]; then
  # The reason stands above; a later step that reads the output must not find it empty.
  printf 'conclusion=error\n' >>"${GITHUB_OUTPUT:-/dev/null}"
  fail 4 "the harness is not installed, so there is nothing to publish"
fi
arguments=(--report-dir "$INPUT_REPORT_DIR" --fail-on "$INPUT_FAIL_ON")
arguments+=(--annotations "$INPUT_ANNOTATIONS")
if [ -n "$INPUT_BASE" ]; then
  arguments+=(--base-dir "$INPUT_REPORT_DIR/base")
fi
if [ "$INPUT_JOB_SUMMARY" = false ]; then
  arguments+=(--no-job-summary)
fi
exec "$harness" publish "${arguments[@]}"
