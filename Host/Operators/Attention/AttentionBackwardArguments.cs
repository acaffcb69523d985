namespace GpuTransformer.Host;

/// <summary>What a variant of attention's backward is given; checked by <see cref="Operators.AttentionBackward"/>.</summary>
internal readonly record struct AttentionBackwardArguments
{
    /// <summary>Inputs and results of the forward call, the normaliser among them.</summary>
    public required AttentionArguments Forward { get; init; }

    public required Tensor OutputGradient { get; init; }  // as the output

    public required Tensor Delta { get; init; }           // float32 [batch, heads, queries]: scratch for Σ_d output · outputGradient

    public required Tensor QueryGradient { get; init; }   // as the query

    public required Tensor KeyGradient { get; init; }     // as the key

    public required Tensor ValueGradient { get; init; }   // as the value

    public Tensor? BiasGradient { get; init; }            // as the bias; null where it is not asked for

    public Tensor? DistanceGradient { get; init; }        // float32 [heads, span]; null where it is not asked for

    public Tensor? DistanceSums { get; init; }            // float32 [parts, heads, queries + keys − 1]: scratch for it
}
