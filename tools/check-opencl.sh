#!/usr/bin/env bash
# Runs the kernels under Oclgrind, a simulator of an OpenCL device that watches every access: two threads that meet in one place with no barrier
# between them (a data race), and reads and writes outside of a buffer. Drivers rarely show either; on the next driver it is a wrong number.
#
#   tools/check-opencl.sh [--quick] [PATTERN]      PATTERN of operators, as in `gpu-transformer kernels --kernel`; default: all
#
# Without --quick: the smallest cases of every operator, and attention with three tiles of keys forward and backward; three minutes on two cores.
# With --quick: all that `validate --quick` has, which takes hours.
#
# Environment: GPU_TRANSFORMER, the command line to use in place of the one built here.
# Exit codes: 0 every case passes and there is no finding; 1 otherwise; 77 Oclgrind cannot be had, so NOTHING was checked.
set -euo pipefail
cd "$(dirname "$0")/.."
size=--tiny
if [ "${1:-}" = --quick ]; then
  size=--quick
  shift
fi
pattern="${1:-*}"

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
icd() { find /usr/lib /usr/local/lib -name liboclgrind-rt-icd.so 2>/dev/null | head -n 1; }
if [ -z "$(icd)" ] && command -v apt-get >/dev/null; then
  as_root apt-get update -q -o Acquire::Retries=3 && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends oclgrind ocl-icd-libopencl1
fi >&2 || true
[ -n "$(icd)" ] || {
  echo "=== OPENCL WAS NOT CHECKED: there is no Oclgrind (Debian and Ubuntu: apt-get install oclgrind). ===" >&2
  exit 77
}
if [ -n "${GPU_TRANSFORMER:-}" ]; then
  cli=("$GPU_TRANSFORMER")
else
  dotnet build tools/GpuTransformer.Cli -c Release -v quiet -nologo >&2
  cli=(dotnet "$PWD/tools/GpuTransformer.Cli/bin/Release/net10.0/gpu-transformer.dll")
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/icd"
icd >"$work/icd/oclgrind.icd"
# The only device then is Oclgrind's, which calls itself OpenCL 1.2 and would be refused. A group of attention's backward pass needs more local
# memory than the 32 KiB that Oclgrind has unless told otherwise.
export OCL_ICD_VENDORS="$work/icd" GPUTRANSFORMER_ACCEPT_OPENCL_1='Oclgrind Simulator' OCLGRIND_DATA_RACES=1 OCLGRIND_LOCAL_MEM_SIZE=65536
"${cli[@]}" devices | grep -q '^opencl:0 *Oclgrind' || { "${cli[@]}" devices >&2; echo "Oclgrind is here, but its device is not usable." >&2; exit 1; }

# A job is an operator, a size and a pattern of cases; the dearest first, one per core. Each has its own log, in which anything is a finding.
operators=$("${cli[@]}" kernels --kernel "$pattern" | awk '$2 == "Portable" { print $1 }')
jobs() {
  for operator in AttentionBackward Attention; do
    if [ "$size" = --tiny ] && grep -qx "$operator" <<<"$operators"; then echo "$operator --quick * 33x129 *"; fi
  done
  for operator in AttentionBackward Attention MatrixMultiply; do
    if grep -qx "$operator" <<<"$operators"; then echo "$operator $size *"; fi
  done
  for operator in $(grep -vxE 'Attention|AttentionBackward|MatrixMultiply' <<<"$operators"); do echo "$operator $size *"; done
}
check() {
  local number="$1" operator size cases
  read -r operator size cases <<<"$2"
  shift 2
  OCLGRIND_LOG="$work/$number.log" "$@" validate --device opencl --kernel "$operator" --case "$cases" "$size" >"$work/$number.out" 2>&1 || echo "exit code $?" >>"$work/$number.failed"
}
export -f check
export work
jobs >"$work/jobs"
nl -w 1 -s ' ' "$work/jobs" | xargs -d '\n' -P "$(nproc)" -I{} bash -c 'line="$1"; shift; check "${line%% *}" "${line#* }" "$@"' check {} "${cli[@]}"

failures=0 findings=0 cases=0 number=0
while read -r job; do
  number=$((number + 1))
  passed=$(sed -n 's/^\([0-9]*\) passed,.*/\1/p' "$work/$number.out")
  cases=$((cases + ${passed:-0}))
  if [ -s "$work/$number.failed" ] || [ "${passed:-0}" = 0 ]; then
    failures=$((failures + 1))
    echo "FAILED $job: $(cat "$work/$number.failed" 2>/dev/null)" && tail -n 20 "$work/$number.out"
  fi
  # A finding begins at the start of a line; what belongs to it is indented.
  found=$(grep -cE '^[^[:space:]]' "$work/$number.log" || true)
  findings=$((findings + ${found:-0}))
  if [ "${found:-0}" != 0 ]; then
    echo "FOUND $found in $job, the first:" && head -n 20 "$work/$number.log"
  fi
done <"$work/jobs"
echo "$cases cases of $(wc -w <<<"$operators") operators passed under Oclgrind: $findings races and bad accesses; $failures of $number runs failed."
[ "$failures" = 0 ] && [ "$findings" = 0 ]
