namespace GpuTransformer.Modules;

public sealed partial record TransformerWrapperOptions
{
    /// <summary>How many positions of each self-attention's input are remembered at most, for the next segment of a long sequence: Transformer-XL.</summary>
    [Takes(OptionRange.Count)]
    public int MaxMemLen { get; init; }

    /// <summary>By how many self-attentions memories are moved down: a layer is given that of the layer so many above it.</summary>
    [Takes(OptionRange.Count)]
    public int ShiftMemDown { get; init; }

    /// <summary>What the z-loss of attention is multiplied with.</summary>
    [Takes(OptionRange.PositiveNumber)]
    public float AttnZLossWeight { get; init; } = 1e-4f;
}
