using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>Adds what the caller gave for the merged heads, where there is something.</summary>
internal sealed class OutputDelta : IMergedStage
{
    public Tensor Finish(Tensor merged, AttentionPass pass)
        => pass.Inputs.Deltas?.Output is { } delta ? Operators.Add(merged, delta.Like(merged)) : merged;
}
