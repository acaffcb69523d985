#!/usr/bin/env bash
# Kills a training run with SIGKILL at random moments, again and again, resumes it each time, and compares the end with a run that was left alone.
#
#   tools/kill-resume.sh [ROUNDS] [SEED]        default: 20 rounds, seed 1; about a minute
#
# Exit codes: 0 the final loss, every row of loss.csv and every byte of the last checkpoint are the same; 1 otherwise.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds="${1:-20}"
RANDOM="${2:-1}"

project=tools/GpuTransformer.Cli
dotnet build "$project" -c Release -v quiet -nologo >&2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/config.json" <<JSON
{ "steps": 3000, "batch_size": 16, "encoder_dim": 32, "encoder_depth": 1, "decoder_dim": 16, "decoder_depth": 1, "checkpoint_every": 7, "evaluation_images": 64, "ema_decay": 0.99 }
JSON

# exec, so that of a call in the background the process that trains is the one that is known, and killed, by its number. In the foreground: (train …).
train() {
  exec dotnet "$project/bin/Release/net10.0/gpu-transformer.dll" train mae --device cpu --config "$work/config.json" --output "$work/$1" --json "$work/$1.json" "${@:2}"
}
now() { date +%s%N | cut -c1-13; }                                  # milliseconds
step_of() { grep -aom1 '"step":"[0-9]*"' "$1/checkpoint.safetensors" | tr -dc 0-9; }
loss_of() { sed -n 's/.*"final_loss": \([^,]*\).*/\1/p' "$1"; }
rows_of() { cut -d, -f1-4 "$1/loss.csv"; }                          # without the times

# A run that is to be killed at once tells how long starting takes.
begin=$(now)
train alone >"$work/alone.log" &
pid=$!
until [ -e "$work/alone/checkpoint.safetensors" ]; do sleep 0.02; done
startup=$(($(now) - begin))
wait "$pid"
whole=$(($(now) - begin))
echo "Left alone: $(loss_of "$work/alone.json") after $(($(wc -l <"$work/alone/loss.csv") - 1)) steps, $whole ms, of which $startup until the first step."

# Every moment is possible, also while the run starts. On average a round gets half of its share of the steps, so that the run is not over too soon.
longest=$((startup + 6 * (whole - startup) / (5 * rounds)))
killed=0
resume=()
for ((round = 1; round <= rounds; round++)); do
  moment=$((RANDOM * longest / 32768))
  train killed "${resume[@]}" >"$work/killed.log" 2>&1 &
  pid=$!
  # There is nothing to resume before the first checkpoint, which is written before the first step.
  until [ -e "$work/killed/checkpoint.safetensors" ]; do sleep 0.02; done
  sleep "$((moment / 1000)).$(printf %03d $((moment % 1000)))"
  if kill -KILL "$pid" 2>/dev/null; then killed=$((killed + 1)); fi
  code=0
  wait "$pid" 2>/dev/null || code=$?
  echo "round $round: killed after $moment ms (exit code $code), checkpoint at step $(step_of "$work/killed"), loss.csv has $(($(wc -l <"$work/killed/loss.csv") - 1)) rows"
  resume=(--resume)
done
(train killed --resume) >"$work/killed.log" 2>&1 || { cat "$work/killed.log"; exit 1; }

result=0
[ "$killed" = "$rounds" ] || { echo "Only $killed of $rounds rounds were killed: the run was over before." >&2; result=1; }
[ "$(loss_of "$work/alone.json")" = "$(loss_of "$work/killed.json")" ] || { echo "The final losses differ: $(loss_of "$work/alone.json") and $(loss_of "$work/killed.json")." >&2; result=1; }
cmp "$work/alone/checkpoint.safetensors" "$work/killed/checkpoint.safetensors" || result=1
diff <(rows_of "$work/alone") <(rows_of "$work/killed") >"$work/rows.diff" || { echo "loss.csv differs:" >&2; head "$work/rows.diff" >&2; result=1; }
find "$work/killed" -name '*.tmp' | grep . && { echo "Temporary files were left behind." >&2; result=1; }
[ "$result" = 0 ] && echo "$killed of $rounds resumed; final loss equal: $(loss_of "$work/killed.json"); every row of loss.csv and every byte of the checkpoint too"
exit "$result"
