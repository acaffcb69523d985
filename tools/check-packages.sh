#!/usr/bin/env bash
# Packs the library and the tool, and uses both as a stranger would: README's example in a new project that knows only the packages, and the tool installed from its package.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root="$PWD"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
version="0.1.0-check"

dotnet pack Modules -c Release -o "$work/feed" -p:Version="$version" -v quiet
dotnet pack tools/GpuTransformer.Cli -c Release -o "$work/feed" -p:Version="$version" -v quiet

# A cache of its own: the same version packed again must not be found in the user's. What is there already need not be downloaded twice.
shared_cache="$(dotnet nuget locals global-packages --list | sed 's/^global-packages: *//')"
export NUGET_PACKAGES="$work/cache"
mkdir -p "$work/app" "$NUGET_PACKAGES"
cat > "$work/nuget.config" <<XML
<configuration>
  <packageSources><clear /><add key="check" value="$work/feed" /><add key="nuget.org" value="https://api.nuget.org/v3/index.json" /></packageSources>
  <fallbackPackageFolders><add key="shared" value="$shared_cache" /></fallbackPackageFolders>
</configuration>
XML

cat > "$work/app/app.csproj" <<XML
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net10.0</TargetFramework>
    <ImplicitUsings>enable</ImplicitUsings>
    <Nullable>enable</Nullable>
    <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
  </PropertyGroup>
  <ItemGroup><PackageReference Include="GpuTransformer" Version="$version" /></ItemGroup>
</Project>
XML
# The first C# block of the README is the whole program.
awk '/^```csharp$/ { inside = 1; next } /^```$/ && inside { exit } inside' README.md > "$work/app/Program.cs"

dotnet publish "$work/app" -c Release -o "$work/published" -v quiet
(cd "$root" && dotnet "$work/published/app.dll") | tee "$work/output"
grep -q '4,727,040 parameters' "$work/output"
for file in Host Kernels Modules; do test -f "$work/published/GpuTransformer.$file.dll"; done
for file in Host Modules; do test -f "$NUGET_PACKAGES/gputransformer/$version/lib/net10.0/GpuTransformer.$file.xml"; done
du -cb "$work"/published/*.dll | awk 'END { printf "The published program has %.1f MB of assemblies.\n", $1 / 1e6 }'

cd "$work"
dotnet tool install GpuTransformer.Cli --version "$version" --tool-path "$work/tools" --configfile "$work/nuget.config" >/dev/null
"$work/tools/gpu-transformer" devices
