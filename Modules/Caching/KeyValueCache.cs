using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// The keys and values of all attentions of a stack for the positions that have passed through it, so that the next position costs one position and not all of
/// them. It is filled by the calls that are given it, in which the sequence continues where the last one ended; what a context gives to cross-attention is
/// computed once. Memory: positions · batch · (key width + value width) numbers for each self-attention that runs.
/// </summary>
/// <remarks>
/// Keys are stored as they are attended: normalised and rotated, with learned keys and zero keys before them. A cache belongs to one model and may be used for
/// one sequence (a batch of sequences) at a time; <see cref="Clear"/> makes it ready for the next, without giving its memory back.
/// </remarks>
public sealed class KeyValueCache : IDisposable
{
    private readonly List<LayerCache> _layers = [];
    private readonly DType? _dtype;
    private readonly int _capacity;
    private bool _isDisposed;

    /// <summary>An empty cache.</summary>
    /// <param name="capacity">For how many positions memory is taken at first; it grows by itself. At least 0.</param>
    /// <param name="dtype">What keys and values are stored as; null for as the model computes.</param>
    /// <exception cref="ArgumentException">The capacity is negative, or the type holds no real numbers.</exception>
    public KeyValueCache(int capacity = 0, DType? dtype = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(capacity);
        if (dtype is { } type && !type.IsFloatingPoint())
            throw new ArgumentException($"Keys and values cannot be stored as {type}; choose Float32, Float16 or BFloat16.", nameof(dtype));
        (_capacity, _dtype) = (capacity, dtype);
    }

    /// <summary>How many positions have passed, those that a wrapper puts before the sequence included.</summary>
    public int Length { get; private set; }

    /// <summary>How many sequences it holds; 0 where it is empty.</summary>
    public int Batch { get; private set; }

    /// <summary>The bytes that it holds on the device.</summary>
    public long Bytes => _layers.Sum(static layer => layer.Bytes);

    /// <summary>How many of the positions a wrapper has put before the sequence.</summary>
    internal int Leading { get; set; }

    /// <summary>bool [batch, Leading]: which of those positions are visible; null for all.</summary>
    internal Tensor? LeadingMask { get; private set; }

    /// <summary>How many memories (Mems) the first call put before the positions.</summary>
    internal int Memories { get; set; }

    /// <summary>Forgets all positions, and keeps the memory.</summary>
    public void Clear()
    {
        foreach (LayerCache layer in _layers)
            layer.Clear();
        (Length, Batch, Memories) = (0, 0, 0);
        Lead(0, null);
    }

    /// <summary>Forgets the last positions, such as those that a draft proposed in vain.</summary>
    /// <param name="length">How many stay: 0 to <see cref="Length"/>.</param>
    /// <exception cref="ArgumentException">There are not so many.</exception>
    /// <exception cref="InvalidOperationException">A layer keeps a running sum or shifts tokens, which cannot be taken back.</exception>
    public void Truncate(int length)
    {
        if (length < 0 || length > Length)
            throw new ArgumentException($"'length' is {length}, but {Length} positions have passed; only 0 to {Length} can stay.", nameof(length));
        if (length == Length)
            return;
        if (length == 0)
        {
            Clear();
            return;
        }

        if (_layers.Exists(static layer => layer.HasState))
            throw new InvalidOperationException("The cache of a model with DataDependentAlibi or ShiftTokens cannot be shortened; clear it and start anew.");
        foreach (LayerCache layer in _layers)
            layer.Truncate(Length - length);
        Length = length;
    }

    /// <summary>Makes row i a copy of what row <paramref name="rows"/>[i] was: for several samples of one prompt, and for beams.</summary>
    /// <param name="rows">For each new row the old one, 0 to <see cref="Batch"/> − 1.</param>
    /// <exception cref="ArgumentException">A row does not exist, or there are none.</exception>
    public void Select(ReadOnlySpan<int> rows)
    {
        if (rows.Length == 0)
            throw new ArgumentException("'rows' is empty, but a cache needs at least one sequence.", nameof(rows));
        foreach (int row in rows)
        {
            if (row < 0 || row >= Batch)
                throw new ArgumentException($"'rows' holds {row}, but the cache has the sequences 0 to {Batch - 1}.", nameof(rows));
        }

        foreach (LayerCache layer in _layers)
            layer.Select(rows, Batch);
        if (LeadingMask is { } mask)
        {
            LeadingMask = LayerCache.Selected(mask, rows);
            mask.Dispose();
        }

        Batch = rows.Length;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        foreach (LayerCache layer in _layers)
            layer.Dispose();
        LeadingMask?.Dispose();
    }

    /// <summary>The cache of the layer that runs as number <paramref name="index"/>.</summary>
    internal LayerCache Layer(int index)
    {
        while (_layers.Count <= index)
            _layers.Add(new LayerCache(_capacity, _dtype));
        return _layers[index];
    }

    /// <summary>Notes what a wrapper puts before the sequence.</summary>
    internal void Lead(int positions, Tensor? mask)
    {
        Leading = positions;
        LeadingMask?.Dispose();
        LeadingMask = mask is null ? null : Operators.CopyInto(Tensor.Persistent(mask.Device, mask.Shape, mask.DType), 0, 0, mask);
    }

    /// <summary>Checks that a call may use it, and takes back what a call that failed has left.</summary>
    internal void Begin(Tensor x)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (Batch > 0 && Batch != x.Shape[0])
            throw ForwardChecks.Wrong("cache", $"'cache' holds {Batch} sequences, but 'x' is {x.Shape}; Select makes rows fit.");
        foreach (LayerCache layer in _layers)
            layer.Begin();
    }

    /// <summary>Notes that positions have passed.</summary>
    internal void Commit(int batch, int positions)
    {
        (Batch, Length) = (batch, Length + positions);
        foreach (LayerCache layer in _layers)
            layer.Commit();
    }
}
