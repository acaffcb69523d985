using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>AddZeroKv: a key and a value of zeros, put before all others, that every query sees whatever the masks say.</summary>
internal sealed class ZeroKeyValue : IHeadsStage
{
    public Heads Prepare(Heads heads, AttentionPass pass) => heads.Behind(Zero(heads.Key), Zero(heads.Value));

    private static Tensor Zero(Tensor rows) => Tensor.Zeros(rows.Device, [1, 1, rows.Shape[2]], rows.DType);
}
