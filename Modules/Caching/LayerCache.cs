using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>What a <see cref="KeyValueCache"/> holds of one layer.</summary>
/// <param name="capacity">For how many rows memory is taken at first.</param>
/// <param name="dtype">What keys and values are stored as; null for as they come.</param>
internal sealed class LayerCache(int capacity, DType? dtype) : IDisposable
{
    // Memory grows by blocks, and by half of what there is, so that a long sequence is not copied at every block.
    private const int Block = 64;

    private readonly Dictionary<string, Tensor> _states = [];
    private readonly Dictionary<string, Tensor> _noted = [];
    private int _committed;
    private Tensor? _key;   // [batch, capacity, keyValueHeads · dimHead]
    private Tensor? _value; // [batch, capacity, keyValueHeads · valueDim]

    /// <summary>How many keys there are, those before the sequence included.</summary>
    public int Rows { get; private set; }

    /// <summary>How many of them, the first, are free.</summary>
    public int FreeRows { get; private set; }

    /// <summary>Whether the rows are a context's, which does not grow.</summary>
    public bool IsContext { get; set; }

    /// <summary>[batch, memories]: which memories before the rows are seen; null for all.</summary>
    public bool[]? MemoryMask { get; set; }

    /// <summary>Whether the layer has something that is not a row for each position.</summary>
    public bool HasState => _states.Count > 0;

    public long Bytes => new[] { _key, _value }.Concat(_states.Values).Sum(static t => t is null ? 0 : t.Shape.Count * t.DType.SizeInBytes());

    /// <summary>Puts new keys and values behind those that are there, and gives all of them.</summary>
    public Heads Append(Heads heads)
    {
        DType type = dtype ?? heads.Key.DType;
        Tensor key = heads.Key.As(type), value = heads.Value.As(type);
        int rows = Rows + key.Shape[1];
        Reserve(ref _key, key, rows);
        Reserve(ref _value, value, rows);
        if (key.Shape[1] > 0)
        {
            Operators.CopyInto(_key!, 1, Rows, key);
            Operators.CopyInto(_value!, 1, Rows, value);
        }

        (Rows, FreeRows) = (rows, heads.FreeColumns);
        return heads with { Query = heads.Query.As(type), Key = _key!, Value = _value!, KeyCount = rows };
    }

    /// <summary>What a stage has noted; null where it has not yet.</summary>
    public Tensor? State(string name) => _states.GetValueOrDefault(name);

    /// <summary>Notes something for the next call.</summary>
    public void Note(string name, Tensor state)
    {
        Tensor kept = Tensor.Persistent(state.Device, state.Shape, state.DType);
        Operators.CopyInto(kept, 0, 0, state);
        _noted[name] = kept;
    }

    /// <summary>Takes back what has come since the last <see cref="Commit"/>.</summary>
    public void Begin()
    {
        Rows = _committed;
        foreach (Tensor state in _noted.Values)
            state.Dispose();
        _noted.Clear();
    }

    /// <summary>Keeps what has come.</summary>
    public void Commit()
    {
        _committed = Rows;
        foreach ((string name, Tensor state) in _noted)
        {
            if (_states.Remove(name, out Tensor? old))
                old.Dispose();
            _states[name] = state;
        }

        _noted.Clear();
    }

    public void Truncate(int rows) => _committed = Rows = IsContext ? Rows : Math.Max(0, Rows - rows);

    public void Clear()
    {
        Begin();
        (_committed, Rows, MemoryMask) = (0, 0, null);
        foreach (Tensor state in _states.Values)
            state.Dispose();
        _states.Clear();
    }

    public void Select(ReadOnlySpan<int> rows, int batch)
    {
        Replace(ref _key, rows);
        Replace(ref _value, rows);
        if (MemoryMask is { } mask)
        {
            int width = mask.Length / batch;
            MemoryMask = [.. rows.ToArray().SelectMany(row => mask.AsSpan(row * width, width).ToArray())];
        }

        foreach ((string name, Tensor state) in _states.ToArray())
        {
            _states[name] = Selected(state, rows);
            state.Dispose();
        }
    }

    /// <summary>Some rows of the first axis, as a tensor that outlives every step.</summary>
    public static Tensor Selected(Tensor tensor, ReadOnlySpan<int> rows)
    {
        using StepScope scope = tensor.Device.BeginStep();
        Tensor selected = Operators.IndexSelect(tensor, 0, Tensor.From(tensor.Device, [rows.Length], rows.ToArray()));
        Tensor kept = Tensor.Persistent(tensor.Device, selected.Shape, tensor.DType);
        return Operators.CopyInto(kept, 0, 0, selected);
    }

    public void Dispose()
    {
        Clear();
        _key?.Dispose();
        _value?.Dispose();
        (_key, _value) = (null, null);
    }

    private static void Replace(ref Tensor? tensor, ReadOnlySpan<int> rows)
    {
        if (tensor is null)
            return;
        Tensor selected = Selected(tensor, rows);
        tensor.Dispose();
        tensor = selected;
    }

    private void Reserve(ref Tensor? buffer, Tensor like, int rows)
    {
        (int batch, int width) = (like.Shape[0], like.Shape[2]);
        bool fits = buffer is not null && buffer.Shape[0] == batch && buffer.Shape[2] == width && buffer.DType == like.DType;
        if (fits && buffer!.Shape[1] >= rows)
            return;
        int wanted = Math.Max(rows, Rows == 0 ? capacity : Rows + Rows / 2);
        Tensor larger = Tensor.Persistent(like.Device, [batch, (wanted + Block - 1) / Block * Block, width], like.DType);
        if (fits && Rows > 0)
        {
            using StepScope scope = like.Device.BeginStep();
            Operators.CopyInto(larger, 1, 0, buffer!.Narrow(1, 0, Rows));
        }

        buffer?.Dispose();
        buffer = larger;
    }
}
