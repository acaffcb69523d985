namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>
    /// The gradients of <see cref="Attention"/>. Probabilities are recomputed as the forward had them: P = exp(S − m) / Σ exp(S − m), dV = Pᵀ dO, dP = dO Vᵀ,
    /// dS = P · (dP − Σ_d O · dO) · softclamp'(S), dQ = scale · dS K, dK = scale · dSᵀ Q, dBias = dS, and each entry
    /// of a bias by distance gets the sum of dS over the pairs that read it. No query × key array exists at any time, and the same
    /// bits result every time: nothing is added atomically.
    /// </summary>
    /// <param name="outputGradient">dO, of the output's shape and data type.</param>
    /// <param name="query">As in the forward.</param>
    /// <param name="key">As in the forward.</param>
    /// <param name="value">As in the forward.</param>
    /// <param name="output">What the forward returned.</param>
    /// <param name="normalizer">What the forward wrote.</param>
    /// <param name="options">As in the forward.</param>
    /// <param name="wantsBias">Whether the gradient of the additive bias is computed, which costs as much as the query's.</param>
    /// <param name="wantsDistanceBias">Whether the gradient of the bias by distance is computed, which costs as much.</param>
    /// <returns>Gradients of the inputs' shapes and data types; those of the biases are float32, or null.</returns>
    /// <exception cref="ArgumentException">A shape, device, data type or option does not fit; nothing was launched.</exception>
    /// <remarks>Dao et al., "FlashAttention", 2022, in separate passes for queries and keys (Dao, "FlashAttention-2", 2023).</remarks>
    public static AttentionGradients AttentionBackward(
        Tensor outputGradient, Tensor query, Tensor key, Tensor value, Tensor output, Tensor normalizer, ScoreOptions options, bool wantsBias = false,
        bool wantsDistanceBias = false)
    {
        AttentionBackwardArguments arguments = AttentionBackwardOperator.Prepare(
            outputGradient, query, key, value, output, normalizer, options, wantsBias, wantsDistanceBias);
        AttentionBackwardOperator.Definition.Run(query.Device, arguments);
        return new AttentionGradients(
            arguments.QueryGradient, arguments.KeyGradient, arguments.ValueGradient, arguments.BiasGradient, arguments.DistanceGradient);
    }
}

/// <summary>What attention's backward returns.</summary>
/// <param name="Query">dQ, as the query.</param>
/// <param name="Key">dK, as the key.</param>
/// <param name="Value">dV, as the value.</param>
/// <param name="Bias">dBias, as the bias; null where it was not asked for.</param>
/// <param name="DistanceBias">float32 [heads, span], as the bias by distance; null where it was not asked for.</param>
public sealed record AttentionGradients(Tensor Query, Tensor Key, Tensor Value, Tensor? Bias, Tensor? DistanceBias = null);

/// <summary>The gradients of attention in the catalogue.</summary>
internal static partial class AttentionBackwardOperator
{
    public static readonly OperatorDefinition<AttentionBackwardArguments> Definition = new(
        "AttentionBackward",
        "dV = Pᵀ dO, dS = P (dO Vᵀ − Σ O dO) softclamp'(S), dQ = scale dS K, dK = scale dSᵀ Q, dBias = dS",
        [VectorizedVariant(), PortableVariant()]);

    /// <summary>Remembers a forward call on the tape.</summary>
    internal static void Record(AttentionArguments forward, ScoreOptions options)
        => forward.Query.Device.Record(forward.Output, gradient =>
        {
            AttentionGradients gradients = Operators.AttentionBackward(
                gradient, forward.Query, forward.Key, forward.Value, forward.Output, forward.Normalizer!, options, GradientTape.Wants(options.Bias),
                GradientTape.Wants(options.DistanceBias));
            GradientTape.Accumulate(forward.Query, gradients.Query);
            GradientTape.Accumulate(forward.Key, gradients.Key);
            GradientTape.Accumulate(forward.Value, gradients.Value);
            if (gradients.Bias is { } bias)
                GradientTape.Accumulate(options.Bias!, bias);
            if (gradients.DistanceBias is { } distances)
                GradientTape.Accumulate(options.DistanceBias!, distances);
        }, forward.Query, forward.Key, forward.Value, forward.Output, options.Bias, options.DistanceBias, options.Mask, options.KeyMask);

    /// <summary>Checks everything and allocates the gradients.</summary>
    internal static AttentionBackwardArguments Prepare(
        Tensor outputGradient, Tensor query, Tensor key, Tensor value, Tensor output, Tensor normalizer, ScoreOptions options, bool wantsBias, bool wantsDistance)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(normalizer);
        AttentionArguments forward = AttentionOperator.Prepare(query, key, value, options, null, normalizer, output);
        ComputeDevice device = query.Device;
        Arguments.Check(device, outputGradient, query.DType);
        Arguments.CheckShape(outputGradient, output.Shape, "the gradient of that output");
        if (wantsBias && options.Bias is null)
            throw Arguments.Wrong(nameof(options), "has no Bias whose gradient could be computed; pass one, or leave wantsBias off.");
        if (wantsDistance && options.DistanceBias is null)
            throw Arguments.Wrong(nameof(options), "has no DistanceBias whose gradient could be computed; pass one, or leave wantsDistanceBias off.");
        return new AttentionBackwardArguments
        {
            Forward = forward,
            OutputGradient = outputGradient,
            Delta = Tensor.Empty(device, [forward.Shape.Batch, forward.Shape.Heads, forward.Shape.Queries]),
            QueryGradient = Tensor.Empty(device, query.Shape, query.DType),
            KeyGradient = Tensor.Empty(device, key.Shape, query.DType),
            ValueGradient = Tensor.Empty(device, value.Shape, query.DType),
            BiasGradient = wantsBias ? Tensor.Empty(device, options.Bias!.Shape) : null,
            DistanceGradient = wantsDistance ? Tensor.Empty(device, options.DistanceBias!.Shape) : null,
            DistanceSums = wantsDistance ? Tensor.Empty(device, AttentionGeometry.DistanceSums(forward.Shape)) : null,
        };
    }
}
