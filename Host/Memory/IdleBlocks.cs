using System.Diagnostics.CodeAnalysis;

namespace GpuTransformer.Host;

/// <summary>
/// The blocks that a pool holds and no tensor uses: the youngest of a size is found first, and the oldest of all. The links are part of the blocks, so keeping
/// them allocates nothing.
/// </summary>
internal sealed class IdleBlocks
{
    private readonly Dictionary<long, OneSize> _sizes = [];
    private DeviceBuffer? _youngest;

    /// <summary>The sum of their sizes.</summary>
    public long Bytes { get; private set; }

    /// <summary>The one that has been idle for the longest time; null if there is none.</summary>
    public DeviceBuffer? Oldest { get; private set; }

    /// <summary>Takes the youngest of exactly that size.</summary>
    public bool TryTake(long bytes, [NotNullWhen(true)] out DeviceBuffer? buffer)
    {
        buffer = _sizes.TryGetValue(bytes, out OneSize? size) ? size.Youngest : null;
        if (buffer is null)
            return false;
        Remove(buffer);
        return true;
    }

    public void Add(DeviceBuffer buffer, long now)
    {
        if (!_sizes.TryGetValue(buffer.Allocation.Bytes, out OneSize? size))
            _sizes.Add(buffer.Allocation.Bytes, size = new OneSize());
        buffer.Idle = new IdleLinks { Since = now, Older = _youngest, OlderOfSize = size.Youngest };
        if (_youngest is null)
            Oldest = buffer;
        else
            _youngest.Idle.Younger = buffer;
        if (size.Youngest is not null)
            size.Youngest.Idle.YoungerOfSize = buffer;
        _youngest = size.Youngest = buffer;
        Bytes += buffer.Allocation.Bytes;
    }

    public void Remove(DeviceBuffer buffer)
    {
        IdleLinks links = buffer.Idle;
        if (links.Younger is null)
            _youngest = links.Older;
        else
            links.Younger.Idle.Older = links.Older;
        if (links.Older is null)
            Oldest = links.Younger;
        else
            links.Older.Idle.Younger = links.Younger;
        if (links.YoungerOfSize is null)
            _sizes[buffer.Allocation.Bytes].Youngest = links.OlderOfSize;
        else
            links.YoungerOfSize.Idle.OlderOfSize = links.OlderOfSize;
        if (links.OlderOfSize is not null)
            links.OlderOfSize.Idle.YoungerOfSize = links.YoungerOfSize;
        buffer.Idle = default;
        Bytes -= buffer.Allocation.Bytes;
    }

    private sealed class OneSize
    {
        public DeviceBuffer? Youngest { get; set; }
    }
}

/// <summary>An idle block's neighbours by age, among all and among those of its size, and since when it is idle.</summary>
internal struct IdleLinks
{
    public DeviceBuffer? Younger, Older, YoungerOfSize, OlderOfSize;
    public long Since;
}
