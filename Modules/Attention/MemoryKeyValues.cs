using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// NumMemKv and AddZeroKv: keys and values that every query sees whatever the masks say, put before the others: learned ones and before those, if wanted, a zero pair. Keys: <c>mem_k</c>,
/// <c>mem_v</c> [keyValueHeads, memories, dimHead].
/// </summary>
internal sealed class MemoryKeyValues : IHeadsStage
{
    private readonly Tensor? _keys; // [keyValueHeads, memories, dimHead]
    private readonly Tensor? _values; // [keyValueHeads, memories, dimHead]
    private readonly Tensor? _order; // int32 [1, memories · keyValueHeads]
    private readonly bool _zero;

    private MemoryKeyValues(Attention owner, ParameterInitializer initializer)
    {
        (int heads, int memories, int width) = (owner.Options.KeyValueHeads, owner.Options.NumMemKv, owner.Options.DimHead);
        _zero = owner.Options.AddZeroKv;
        if (memories == 0)
            return;
        _keys = owner.Own("mem_k", initializer.Normal([heads, memories, width]));
        _values = owner.Own("mem_v", initializer.Normal([heads, memories, width]));

        // Parameters are head-major, as in the checkpoint; attention takes sequence-major.
        int[] order = new int[heads * memories];
        for (int i = 0; i < order.Length; i++)
            order[i] = i % heads * memories + i / heads;
        _order = owner.Own(order);
    }

    public static MemoryKeyValues? Of(Attention owner, ParameterInitializer initializer) => Columns(owner.Options) == 0 ? null : new MemoryKeyValues(owner, initializer);

    /// <summary>How many columns are put before the keys.</summary>
    public static int Columns(AttentionOptions options) => options.NumMemKv + (options.AddZeroKv ? 1 : 0);

    public Heads Prepare(Heads heads) => heads with { Key = Before(heads.Key, _keys), Value = Before(heads.Value, _values) };

    private Tensor Before(Tensor rest, Tensor? memory)
    {
        Tensor result = rest;
        if (memory is not null)
        {
            (int heads, int memories, int width) = (memory.Shape[0], memory.Shape[1], memory.Shape[2]);
            result = Operators.Concatenate(Operators.GatherRows(memory.Like(rest).Reshape([1, heads * memories, width]), _order!).Reshape([1, memories, heads * width]), result);
        }

        return _zero ? Operators.Concatenate(Tensor.Zeros(rest.Device, [1, 1, rest.Shape[2]], rest.DType), result) : result;
    }
}
