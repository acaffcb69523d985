using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Laser: attention averages exp(v), v clamped softly, and its output's logarithm goes on, so that gradients through the softmax do not vanish.
/// </summary>
/// <remarks>Duvvuri, Dhillon 2024.</remarks>
internal sealed record Laser(float Clamp) : IHeadsStage, IMergedStage
{
    // What an output that underflowed counts as: x-transformers' own bound.
    private const float Smallest = 1e-20f;

    public static Laser? Of(Attention owner) => owner.Options.Laser ? new Laser(owner.Options.LaserSoftclampValue) : null;

    public Heads Prepare(Heads heads, AttentionPass pass) => heads with { Value = Operators.Exp(Operators.SoftClamp(heads.Value, Clamp)) };

    public Tensor Finish(Tensor merged, AttentionPass pass) => Operators.Log(Operators.Maximum(merged, Smallest));
}
