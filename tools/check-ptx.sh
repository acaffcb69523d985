#!/usr/bin/env bash
# Assembles the PTX of every kernel of the catalogue for sm_80 and sm_90, with no GPU and no driver, and prints what each uses.
# A kernel that does not assemble fails; so does one that uses stack or spills registers without having said that it may (MayUseStack).
#
#   tools/check-ptx.sh [PATTERN]        PATTERN as in `gpu-transformer kernels --kernel`; default: all
#
# Environment: PTXAS, the assembler (default: see get-ptxas.sh); ARCHS, default "sm_80 sm_90"; GPU_TRANSFORMER, the command line to use
# in place of the one built here.
# Exit codes: 0 all assemble and keep their promises; 1 some do not; 77 there is no ptxas, so NOTHING was checked.
set -euo pipefail
cd "$(dirname "$0")/.."
pattern="${1:-*}"

ptxas=$(tools/get-ptxas.sh) || {
  echo "=== PTX WAS NOT CHECKED: there is no ptxas. ===" >&2
  exit 77
}
if [ -n "${GPU_TRANSFORMER:-}" ]; then
  cli=("$GPU_TRANSFORMER")
else
  dotnet build tools/GpuTransformer.Cli -c Release -v quiet -nologo >&2
  cli=(dotnet tools/GpuTransformer.Cli/bin/Release/net10.0/gpu-transformer.dll)
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for arch in ${ARCHS:-sm_80 sm_90}; do
  "${cli[@]}" ptx --kernel "$pattern" --arch "$arch" --output "$work/$arch" >/dev/null
done

# One assembler per core; a failure is found in its log below.
(cd "$work" && find . -name '*.ptx' -print0) | xargs -0 -P "$(nproc)" -I{} sh -c \
  'f="$2/$3"; a=$(basename "$(dirname "$3")"); "$1" -arch="$a" -v "$f" -o /dev/null >"$f.log" 2>&1 || echo "FAILED $?" >>"$f.log"' sh "$ptxas" "$work" {}

"$ptxas" --version | tail -n 1
printf '%-6s %5s %7s %6s %6s  %s\n' arch regs shared stack spills kernel
failures=0
for index in "$work"/*/kernels.tsv; do
  arch=$(basename "$(dirname "$index")")
  while IFS=$'\t' read -r file title _ may_use_stack; do
    log="$(dirname "$index")/$file.log"
    # A kernel and the functions it calls each report; the largest stack and all spills count.
    read -r registers shared stack spills failed < <(awk '
      /bytes stack frame/ { if ($1 > stack) stack = $1; spills += $5 + $9 }
      /Used [0-9]+ registers/ { for (i = 1; i <= NF; i++) { if ($i == "Used" && $(i + 1) > registers) registers = $(i + 1); if ($i ~ /^smem/) shared = $(i - 2) } }
      /^FAILED/ { failed = 1 }
      END { print registers + 0, shared + 0, stack + 0, spills + 0, failed + 0 }' "$log")
    verdict=
    if [ "$failed" = 1 ] || [ "$registers" = 0 ]; then
      verdict="  DOES NOT ASSEMBLE: $(grep -m 1 -E 'error|fatal' "$log" || tail -n 2 "$log" | head -n 1)"
    elif [ "$may_use_stack" = 0 ] && [ $((stack + spills)) -gt 0 ]; then
      verdict="  USES STACK OR SPILLS, BUT PROMISES NOT TO"
    fi
    printf '%-6s %5d %7d %6d %6d  %s%s\n' "$arch" "$registers" "$shared" "$stack" "$spills" "$title" "$verdict"
    [ -z "$verdict" ] || failures=$((failures + 1))
  done <"$index"
done

count=$(cat "$work"/*/kernels.tsv | wc -l)
echo "$count assembled, $failures failed."
[ "$failures" = 0 ]
