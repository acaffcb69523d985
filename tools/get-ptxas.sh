#!/usr/bin/env bash
# Prints the path of NVIDIA's assembler, ptxas. Takes $PTXAS or the one on the PATH; else unpacks it (not installs it: no root, nothing
# outside the cache folder) from the package nvidia-cuda-toolkit of the distribution's own mirror, once.
# Exit codes: 0 printed; 77 it cannot be had here, and stderr says why.
set -euo pipefail

unavailable() {
  echo "ptxas cannot be had: $1" >&2
  echo "Install the CUDA toolkit, or set PTXAS to the path of ptxas." >&2
  exit 77
}

if [ -n "${PTXAS:-}" ]; then
  [ -x "$PTXAS" ] || unavailable "PTXAS is '$PTXAS', which is no program."
  echo "$PTXAS"
  exit 0
fi
if command -v ptxas; then
  exit 0
fi

cache="${GPUTRANSFORMER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/gpu-transformer}/cuda"
cached() { find "$cache/root" -type f -name ptxas -perm -u+x 2>/dev/null | head -n 1; }
if [ -n "$(cached)" ]; then
  cached
  exit 0
fi

command -v apt-get >/dev/null && command -v dpkg >/dev/null || unavailable "there is none on the PATH, and this is not a Debian or Ubuntu that a package could be taken from."
. /etc/os-release
case "${ID:-}" in
  debian) component=non-free keyring=/usr/share/keyrings/debian-archive-keyring.gpg ;;
  ubuntu) component=multiverse keyring=/usr/share/keyrings/ubuntu-archive-keyring.gpg ;;
  *) unavailable "'${ID:-unknown}' is neither Debian nor Ubuntu." ;;
esac
[ -r "$keyring" ] || unavailable "the archive's keys ($keyring) are missing: install $ID-archive-keyring or $ID-keyring."

# The machine's own mirror, whichever that is: where it gets this release's main component from.
mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 'Component: main' | awk -v release="${VERSION_CODENAME:-}" '$2 == release { print $1; exit }')
[ -n "$mirror" ] || unavailable "apt's configuration names no mirror for '${VERSION_CODENAME:-unknown}'."

mkdir -p "$cache"/{apt/lists/partial,apt/archives/partial,apt/parts}
echo "deb [signed-by=$keyring] $mirror $VERSION_CODENAME $component" >"$cache/apt/sources.list"
options=(
  -o "Dir::Etc::SourceList=$cache/apt/sources.list" -o "Dir::Etc::SourceParts=$cache/apt/parts" -o "Dir::State::Lists=$cache/apt/lists"
  -o "Dir::Cache=$cache/apt" -o "APT::Sandbox::User=$(id -un)" -o "Acquire::Retries=3"
)
{
  apt-get "${options[@]}" -q update && cd "$cache/apt" && rm -f ./*.deb && apt-get "${options[@]}" -q download nvidia-cuda-toolkit
} >&2 || unavailable "the package nvidia-cuda-toolkit could not be downloaded from $mirror ($VERSION_CODENAME, $component)."

# Unpacked beside and moved into place, so that a copy that was interrupted is never taken for a whole one.
rm -rf "$cache/unpacking" && dpkg -x "$cache"/apt/nvidia-cuda-toolkit_*.deb "$cache/unpacking" && rm -rf "$cache/root" && mv "$cache/unpacking" "$cache/root"
rm -rf "$cache/apt"
[ -n "$(cached)" ] || unavailable "the package nvidia-cuda-toolkit of $VERSION_CODENAME holds none."
cached
