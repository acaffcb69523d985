using Microsoft.Win32.SafeHandles;

namespace GpuTransformer.Modules;

/// <summary>Where a checkpoint's bytes come from: a file, or in tests something that fails as a disk does.</summary>
internal interface ICheckpointSource : IDisposable
{
    /// <summary>How many bytes there are.</summary>
    long Length { get; }

    /// <summary>Reads bytes from <paramref name="offset"/> on and returns how many; fewer than asked for near the end, 0 behind it.</summary>
    /// <exception cref="IOException">They cannot be read.</exception>
    int Read(Span<byte> target, long offset);
}

/// <summary>A file, read wherever asked for.</summary>
internal sealed class CheckpointFile(SafeFileHandle file) : ICheckpointSource
{
    public long Length { get; } = RandomAccess.GetLength(file);

    public int Read(Span<byte> target, long offset) => RandomAccess.Read(file, target, offset);

    public void Dispose() => file.Dispose();
}
