#!/usr/bin/env bash
# Packs the command line with the .NET runtime into one archive that runs on a Linux GPU host with a driver and nothing else (no .NET, no
# network, no root). See docs/gpu.md for how to use it.
#
#   tools/bundle.sh [ARCHIVE]           default: artifacts/gpu-transformer-linux-x64.tar.gz
#
# Environment: RUNTIME, default linux-x64 (linux-arm64 for Grace and other Arm hosts).
# Exit codes: 0 the archive is there, is small enough and, where this machine can run it, runs with an empty environment; 1 otherwise.
set -euo pipefail
cd "$(dirname "$0")/.."
runtime="${RUNTIME:-linux-x64}"
archive="${1:-artifacts/gpu-transformer-$runtime.tar.gz}"
max_bytes=60000000

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
name="gpu-transformer-$runtime"

# Untrimmed: ILGPU compiles kernels from IL by reflection. Its own artifacts folder leaves this checkout's builds alone.
dotnet publish tools/GpuTransformer.Cli -c Release -r "$runtime" --self-contained true -p:PackAsTool=false -p:DebugType=none -p:GenerateDocumentationFile=false \
  --artifacts-path "$work/artifacts" -o "$work/$name" -v quiet -nologo >&2
find "$work/$name" -name '*.xml' -o -name 'createdump' -o -name 'libmscordaccore.so' -o -name 'libmscordbi.so' | xargs rm -f
cp LICENSE "$work/$name/"
if [ -f Tests/Goldens/manifest.json ]; then
  cp -r Tests/Goldens "$work/$name/goldens"
fi
cp tools/bundle-check.sh "$work/$name/check.sh"
chmod 755 "$work/$name/gpu-transformer" "$work/$name/check.sh"

mkdir -p "$(dirname "$archive")"
tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime='2000-01-01 00:00Z' -cf - "$name" | gzip -9n >"$archive"
bytes=$(stat -c %s "$archive")
echo "$archive: $bytes bytes"
if [ "$bytes" -gt "$max_bytes" ]; then
  echo "The archive is larger than $max_bytes bytes." >&2
  exit 1
fi

# The proof: unpacked in an empty folder, with an empty environment.
if [ "$runtime" = linux-x64 ] && [ "$(uname -sm)" = 'Linux x86_64' ]; then
  mkdir "$work/proof"
  tar -C "$work/proof" -xf "$archive"
  (cd "$work/proof/$name" && env -i ./gpu-transformer devices && env -i ./gpu-transformer validate --quick --device cpu --kernel LayerNorm)
fi
