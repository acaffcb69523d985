#!/bin/sh
# Checks this machine with the bundle that this file came in: which devices are here, whether every kernel is right on one of them, and
# whether the models reproduce x-transformers' numbers. Writes the three reports beside the archive as JSON.
#
#   ./check.sh [DEVICE]                 cuda (default), cuda:1, opencl, cpu
#
# Exit code: the first that is not 0 of: 1 a number is wrong, 2 wrong usage, 3 no such device.
set -u
here=$(CDPATH= cd "$(dirname "$0")" && pwd)
device="${1:-cuda}"
reports="${REPORTS:-$here/reports}"
mkdir -p "$reports" || exit 2
cli="$here/gpu-transformer"

result=0
run() {
  echo "== $*"
  "$cli" "$@"
  code=$?
  [ "$result" != 0 ] || result=$code
}

command -v nvidia-smi >/dev/null && nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
run devices --json "$reports/devices.json"
run validate --device "$device" --json "$reports/validate.json"
if [ -d "$here/goldens" ]; then
  run verify "$here/goldens" --device "$device" --json "$reports/verify.json"
fi
echo "The reports are in $reports."
exit "$result"
