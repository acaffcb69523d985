using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Keys and values that every query sees whatever the masks say, put before the others: learned ones (keys <c>mem_k</c>, <c>mem_v</c> [keyValueHeads, memories,
/// headDim] of the attention that owns them) and before those, if wanted, a zero pair.
/// </summary>
internal sealed class MemoryKeyValues
{
    private readonly Tensor? _keys; // [keyValueHeads, memories, headDim]
    private readonly Tensor? _values; // [keyValueHeads, memories, headDim]
    private readonly Tensor? _order; // int32 [1, memories · keyValueHeads]
    private readonly bool _zero;

    public MemoryKeyValues(AttentionOptions options, Tensor? keys, Tensor? values, ComputeDevice device)
    {
        _zero = options.AddZeroKv;
        (_keys, _values) = (keys, values);
        Count = options.NumMemKv + (_zero ? 1 : 0);
        if (keys is null)
            return;

        // Parameters are head-major, as in the checkpoint; attention takes sequence-major.
        (int heads, int memories) = (keys.Shape[0], keys.Shape[1]);
        int[] order = new int[heads * memories];
        for (int i = 0; i < order.Length; i++)
            order[i] = i % heads * memories + i / heads;
        _order = Tensor.Persistent(device, [1, order.Length], DType.Int32);
        _order.Write(order);
    }

    /// <summary>How many columns are put before the keys.</summary>
    public int Count { get; }

    /// <summary>What the owning module must dispose.</summary>
    public Tensor? Constant => _order;

    /// <summary>[batch, keys, width] becomes [batch, Count + keys, width].</summary>
    /// <param name="keys">The keys, normalised.</param>
    /// <param name="normalise">What normalised them, for the learned keys are normalised alike; or null.</param>
    public Tensor BeforeKeys(Tensor keys, HeadNorm? normalise) => Before(keys, _keys, normalise);

    /// <summary>[batch, keys, width] becomes [batch, Count + keys, width].</summary>
    public Tensor BeforeValues(Tensor values) => Before(values, _values, null);

    private Tensor Before(Tensor rest, Tensor? memory, HeadNorm? normalise)
    {
        Tensor result = rest;
        if (memory is not null)
        {
            (int heads, int memories, int width) = (memory.Shape[0], memory.Shape[1], memory.Shape[2]);
            Tensor rows = Operators.GatherRows(memory.Like(rest).Reshape([1, heads * memories, width]), _order!).Reshape([1, memories, heads * width]);
            result = Operators.Concatenate(normalise?.Forward(rows) ?? rows, result);
        }

        return _zero ? Operators.Concatenate(Tensor.Zeros(rest.Device, [1, 1, rest.Shape[2]], rest.DType), result) : result;
    }
}
