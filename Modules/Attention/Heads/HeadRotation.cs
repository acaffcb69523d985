using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>Rotates queries and keys by their positions, where the call has some: all heads, or the last RotateNumHeads.</summary>
internal sealed record HeadRotation(int? Heads) : IHeadsStage
{
    public Heads Prepare(Heads heads, AttentionPass pass)
    {
        if (pass.Inputs.Rotation is not { } rotation)
            return heads;
        return heads with
        {
            Query = Operators.RotatePairs(heads.Query, rotation.Query, heads.QueryHeads, First(heads.QueryHeads)),
            Key = Operators.RotatePairs(heads.Key, rotation.Key, heads.KeyValueHeads, First(heads.KeyValueHeads)),
        };
    }

    private int First(int heads) => Heads is { } count ? heads - count : 0;
}
