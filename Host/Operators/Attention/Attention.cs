using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>
    /// Scaled dot-product attention, fused: output = softmax(softclamp(scale · Q Kᵀ + bias)) V over the visible keys, head by head. No query × key array exists
    /// at any time. What a mask, causality, the window or a bias of −∞ hides contributes exactly nothing, whatever it holds, NaN and infinity included, and its
    /// gradient is exactly zero; a query that sees no key has output exactly zero. A finite score hides nothing: one below the lowest float32 counts as that.
    /// </summary>
    /// <param name="query">[batch, queries, heads · headDim], or [batch, heads, queries, headDim] in the head-major layout</param>
    /// <param name="key">[batch, keys, keyValueHeads · headDim], or [batch, keyValueHeads, keys, headDim]</param>
    /// <param name="value">[batch, keys, keyValueHeads · valueDim], or [batch, keyValueHeads, keys, valueDim]; valueDim need not be headDim.</param>
    /// <param name="options">Heads, layout, masks and biases.</param>
    /// <param name="logSumExp">
    /// float32 [batch, heads, queries], overwritten with the natural logarithm of each row's sum of exponentials; −1e30 for a query that sees no key. Null
    /// where it is not wanted.
    /// </param>
    /// <param name="normalizer">
    /// float32 [batch, heads, queries, 2], overwritten with what <see cref="AttentionBackward"/> recomputes the probabilities from: each row's largest score m
    /// and 1 / Σ exp(S − m), zero for a query that sees no key. Null where it is not wanted; a tape sees to it itself.
    /// </param>
    /// <returns>[batch, queries, heads · valueDim], or [batch, heads, queries, valueDim], of the query's data type.</returns>
    /// <exception cref="ArgumentException">A shape, device, data type or option does not fit; nothing was launched.</exception>
    /// <remarks>Dao et al. 2022 (the fused form); Milakov, Gimelshein 2018 (online softmax); Press et al. 2022 (ALiBi).</remarks>
    public static Tensor Attention(Tensor query, Tensor key, Tensor value, ScoreOptions options, Tensor? logSumExp = null, Tensor? normalizer = null)
    {
        AttentionArguments arguments = AttentionOperator.Prepare(query, key, value, options, logSumExp, normalizer);
        bool records = query.Device.Records(query, key, value, options.Bias, options.DistanceBias);
        if (records && options.KeyCount is not null)
            throw new InvalidOperationException(
                "KeyCount leaves rows of a buffer out, for inference: there is no gradient. Pause recording, or narrow the tensors.");
        if (records && normalizer is null)
            arguments = arguments with { Normalizer = Tensor.Empty(query.Device, AttentionGeometry.Normalizer(arguments.Shape)) };
        if (arguments.Output.Shape.Count > 0)
            AttentionOperator.Definition.Run(query.Device, arguments);
        if (records)
            AttentionBackwardOperator.Record(arguments, options);
        return arguments.Output;
    }
}

/// <summary>Attention in the catalogue.</summary>
internal static partial class AttentionOperator
{
    public static readonly OperatorDefinition<AttentionArguments> Definition = new(
        "Attention",
        "output = softmax(softclamp(scale · Q Kᵀ + bias)) V over the visible keys",
        [DecodeVectorizedVariant(), VectorizedVariant(), DecodePortableVariant(), PortableVariant(), TensorCoreVariant()]);

    /// <summary>Checks everything and allocates the output, or checks the <paramref name="output"/> of an earlier call, for its backward.</summary>
    internal static AttentionArguments Prepare(
        Tensor query, Tensor key, Tensor value, ScoreOptions options, Tensor? logSumExp, Tensor? normalizer = null, Tensor? output = null)
    {
        AttentionChecks.CheckInputs(query, key, value, options);
        AttentionShape shape = AttentionGeometry.Shape(options, query.Shape, key.Shape, value.Shape);
        AttentionChecks.CheckRules(query.Device, options, shape.Batch, shape.Queries, shape.Keys);
        if (logSumExp is not null)
        {
            Arguments.Check(query.Device, logSumExp, DType.Float32);
            Arguments.CheckShape(logSumExp, [shape.Batch, shape.Heads, shape.Queries], "one number for each query of each head");
        }

        if (normalizer is not null)
        {
            Arguments.Check(query.Device, normalizer, DType.Float32);
            Arguments.CheckShape(normalizer, AttentionGeometry.Normalizer(shape), "two numbers for each query of each head");
        }

        Shape outputShape = AttentionGeometry.Output(options, shape);
        if (output is not null)
        {
            Arguments.Check(query.Device, output, query.DType);
            Arguments.CheckShape(output, outputShape, "attention of these inputs");
        }

        return new AttentionArguments
        {
            Query = query,
            Key = key,
            Value = value,
            Output = output ?? Tensor.Empty(query.Device, outputShape, query.DType),
            LogSumExp = logSumExp,
            Normalizer = normalizer,
            KeyMask = options.KeyMask,
            Mask = options.Mask,
            Bias = options.Bias,
            AlibiSlopes = options.AlibiSlopes,
            AlibiPositions = options.AlibiPositions,
            DistanceBias = options.DistanceBias,
            Shape = shape,
            Rules = AttentionGeometry.Rules(
                options, shape, options.Mask?.Shape, options.Bias?.Shape, options.AlibiPositions?.Shape, options.DistanceBias?.Shape),
        };
    }
}
