using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// NumMemKv: learned keys and values, put before the others, that every query sees whatever the masks say. Keys: <c>mem_k</c>, <c>mem_v</c> [keyValueHeads,
/// memories, dimHead].
/// </summary>
internal sealed class MemoryKeyValues : IHeadsStage
{
    private readonly Tensor _keys; // [keyValueHeads, memories, dimHead]
    private readonly Tensor _values; // [keyValueHeads, memories, dimHead]
    private readonly Tensor _order; // int32 [1, memories · keyValueHeads]
    private readonly HeadNorm? _norm;

    private MemoryKeyValues(Attention owner, HeadNorm? norm, ParameterInitializer initializer)
    {
        _norm = norm;
        (int heads, int memories, int width) = (owner.Options.KeyValueHeads, owner.Options.NumMemKv, owner.Options.DimHead);
        _keys = owner.Own("mem_k", initializer.Normal([heads, memories, width]));
        _values = owner.Own("mem_v", initializer.Normal([heads, memories, width]));

        // Parameters are head-major, as in the checkpoint; attention takes sequence-major.
        int[] order = new int[heads * memories];
        for (int i = 0; i < order.Length; i++)
            order[i] = i % heads * memories + i / heads;
        _order = owner.Own(order);
    }

    /// <param name="owner">The attention.</param>
    /// <param name="norm">What normalises keys, those of memory too; null for none.</param>
    /// <param name="initializer">For the parameters.</param>
    public static MemoryKeyValues? Of(Attention owner, HeadNorm? norm, ParameterInitializer initializer)
        => owner.Options.NumMemKv == 0 ? null : new MemoryKeyValues(owner, norm, initializer);

    public Heads Prepare(Heads heads, AttentionPass pass)
    {
        Tensor keys = Rows(_keys, heads.Key);
        return heads.Behind(_norm?.Forward(keys) ?? keys, Rows(_values, heads.Value));
    }

    private Tensor Rows(Tensor memory, Tensor rest)
    {
        (int heads, int memories, int width) = (memory.Shape[0], memory.Shape[1], memory.Shape[2]);
        Tensor rows = Operators.GatherRows(memory.Like(rest).Reshape([1, heads * memories, width]), _order);
        return rows.Reshape([1, memories, heads * width]);
    }
}
