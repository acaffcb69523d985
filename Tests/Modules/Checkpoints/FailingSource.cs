using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Modules.Checkpoints;

/// <summary>A checkpoint in memory whose disk fails, or whose file ends, once so many bytes have been read.</summary>
internal sealed class FailingSource(byte[] bytes, long readable, bool ends = false) : ICheckpointSource
{
    private long _read;

    public bool IsDisposed { get; private set; }

    public long Length => bytes.Length;

    public int Read(Span<byte> target, long offset)
    {
        int count = (int)Math.Min(target.Length, bytes.Length - offset);
        if (_read + count > readable)
            return ends ? 0 : throw new IOException("Input/output error");
        _read += count;
        bytes.AsSpan((int)offset, count).CopyTo(target);
        return count;
    }

    public void Dispose() => IsDisposed = true;
}
