using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>AddZeroKv: a key and a value of zeros, put before all others, that every query sees whatever the masks say.</summary>
internal sealed class ZeroKeyValue : IHeadsStage
{
    public static ZeroKeyValue? Of(Attention owner) => owner.Options.AddZeroKv ? new ZeroKeyValue() : null;

    public Heads Prepare(Heads heads) => heads with { Key = BehindZero(heads.Key), Value = BehindZero(heads.Value) };

    private static Tensor BehindZero(Tensor rows) => Operators.Concatenate(Tensor.Zeros(rows.Device, [1, 1, rows.Shape[2]], rows.DType), rows);
}
