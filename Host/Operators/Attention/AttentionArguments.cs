using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>What an attention variant is given; checked by <see cref="Operators.Attention"/>.</summary>
internal readonly record struct AttentionArguments
{
    public required Tensor Query { get; init; }          // [batch, queries, heads · headDim] or [batch, heads, queries, headDim]

    public required Tensor Key { get; init; }            // [batch, keys, keyValueHeads · headDim] or [batch, keyValueHeads, keys, headDim]

    public required Tensor Value { get; init; }          // [batch, keys, keyValueHeads · valueDim] or [batch, keyValueHeads, keys, valueDim]

    public required Tensor Output { get; init; }         // [batch, queries, heads · valueDim] or [batch, heads, queries, valueDim]

    public Tensor? LogSumExp { get; init; }              // float32 [batch, heads, queries]

    public Tensor? Normalizer { get; init; }             // float32 [batch, heads, queries, 2]

    public Tensor? KeyMask { get; init; }                // bool [batch, keys − freeColumns]

    public Tensor? Mask { get; init; }                   // bool [batch|1, heads|1, queries|1, keys − freeColumns]

    public Tensor? Bias { get; init; }                   // float32 [batch|1, heads|1, queries|1, keys − freeColumns]

    public Tensor? AlibiSlopes { get; init; }            // float32 [heads]

    public Tensor? AlibiPositions { get; init; }         // float32 [batch|1, heads|1, keys − freeColumns]

    public Tensor? DistanceBias { get; init; }           // float32 [heads, span]

    public required AttentionShape Shape { get; init; }

    public required AttentionRules Rules { get; init; }
}
