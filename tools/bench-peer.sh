#!/usr/bin/env bash
# Times the seed model here and in PyTorch on the same cores, in turns: a machine is never equally busy twice, so only runs side by side can be compared.
#
#   tools/bench-peer.sh [seed|train-step] [BATCH] [ROUNDS] [REPEATS]
#
# seed is the forward pass, train-step a whole training step with AdamW.
# PYTHON is the command that starts a Python with torch (default python3); GPU_TRANSFORMER the one that starts ours (default: the Release build of this tree).
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-seed}; batch=${2:-1}; rounds=${3:-5}; repeats=${4:-30}
case $what in seed | train-step) ;; *) echo "'$what' is neither seed nor train-step" >&2; exit 2 ;; esac
python=${PYTHON:-python3}
ours=${GPU_TRANSFORMER:-tools/GpuTransformer.Cli/bin/Release/net10.0/gpu-transformer}
threads=$(nproc)

$python -c 'import torch' 2>/dev/null || { echo "'$python' has no torch; name one that has with PYTHON=…" >&2; exit 2; }
[ -x "${ours%% *}" ] || { echo "'$ours' is not there; build first: dotnet build -c Release" >&2; exit 2; }

report=$(mktemp)
trap 'rm -f "$report"' EXIT
number() { sed -n "s/.*\"$1\": \([0-9.eE+-]*\),\{0,1\}\$/\1/p" "$report"; }

rows=""
for ((round = 1; round <= rounds; round++)); do
  $ours bench "$what" --device cpu --batch "$batch" --repeats "$repeats" --json "$report" > /dev/null
  theirs=$($python - "$what" "$batch" "$threads" "$repeats" < tools/peers/seed.py 2> /dev/null | tail -n 1)
  row="$(number min_ms) $(number median_ms) $theirs"
  echo "round $round: ours best and median, theirs best and median (ms): $row"
  rows+="$row"$'\n'
done

# The best of all rounds is what each can do; the middle of the rounds' ratios is what the noise of the machine leaves.
printf %s "$rows" | awk '
  { if (NR == 1 || $1 < ours) ours = $1; if (NR == 1 || $3 < theirs) theirs = $3; ratio[NR] = $2 / $4 }
  END {
    for (i = 2; i <= NR; i++) for (j = i; j > 1 && ratio[j] < ratio[j - 1]; j--) { t = ratio[j]; ratio[j] = ratio[j - 1]; ratio[j - 1] = t }
    printf "seed model, '"$what"', batch '"$batch"', on '"$threads"' cores: ours %.2f ms, PyTorch %.2f ms, best against best %.2f times; median against median %.2f times\n", ours, theirs, ours / theirs, ratio[int((NR + 1) / 2)]
  }'
