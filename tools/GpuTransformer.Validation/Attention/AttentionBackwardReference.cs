using GpuTransformer.Kernels;
using System.Numerics;

namespace GpuTransformer.Validation;

/// <summary>The gradients that <see cref="AttentionBackwardReference"/> computes, laid out as their tensors.</summary>
internal sealed record AttentionReferenceGradients<T>(T[] Query, T[] Key, T[] Value, T[]? Bias, T[]? Distances);

/// <summary>
/// Attention's gradients, one query of one head at a time, by the chain rule over scores, softmax and weighted sum. It starts from what forward stored, as
/// every variant must: its precision is part of what "the same precision" means.
/// </summary>
internal static class AttentionBackwardReference
{
    /// <param name="shape">Sizes and strides.</param>
    /// <param name="rules">What is visible and how scores are made.</param>
    /// <param name="inputs">Query, key, value, masks and biases.</param>
    /// <param name="forward">What forward computed; its output as it was stored.</param>
    /// <param name="outputGradient">As the output.</param>
    public static AttentionReferenceGradients<T> Backward<T>(
        AttentionShape shape, AttentionRules rules, AttentionInputs<T> inputs, AttentionReferenceOutputs<T> forward, T[] outputGradient)
        where T : IFloatingPointIeee754<T>
    {
        var gradients = new AttentionReferenceGradients<T>(
            new T[inputs.Query.Length], new T[inputs.Key.Length], new T[inputs.Value.Length], inputs.Bias is null ? null : new T[inputs.Bias.Length],
            inputs.Distances is null ? null : new T[inputs.Distances.Length]);
        foreach ((int b, int h, int i) in AttentionReference.Rows(shape))
        {
            int[] keys = AttentionReference.VisibleKeys(shape, rules, inputs, b, h, i);
            T delta = Dot(outputGradient, shape.OutputOffset(b, h, i), forward.Output, shape.OutputOffset(b, h, i), shape.ValueDim);
            foreach (int j in keys)
            {
                T score = AttentionReference.Score(shape, rules, inputs, b, h, i, j);
                T probability = T.Exp(score - forward.Largest[shape.RowOffset(b, h, i)]) * forward.Reciprocal[shape.RowOffset(b, h, i)];
                T kept = AttentionReference.Kept<T>(shape, rules, b, h, i, j);
                AddScaled(gradients.Value, shape.ValueOffset(b, h, j), probability * kept, outputGradient, shape.OutputOffset(b, h, i), shape.ValueDim);
                T toProbability = kept * Dot(outputGradient, shape.OutputOffset(b, h, i), inputs.Value, shape.ValueOffset(b, h, j), shape.ValueDim);
                T toScore = probability * (toProbability - delta) * ClampSlope(rules, score);
                if (gradients.Bias is { } bias && j >= rules.FreeColumns)
                    bias[AttentionReference.BiasIndex(rules, b, h, i, j)] += toScore;
                if (gradients.Distances is { } distances && j >= rules.FreeColumns)
                    distances[AttentionReference.DistanceIndex(shape, rules, h, i, j)] += toScore;
                toScore *= T.CreateChecked(rules.Scale);
                AddScaled(gradients.Query, shape.QueryOffset(b, h, i), toScore, inputs.Key, shape.KeyOffset(b, h, j), shape.HeadDim);
                AddScaled(gradients.Key, shape.KeyOffset(b, h, j), toScore, inputs.Query, shape.QueryOffset(b, h, i), shape.HeadDim);
            }
        }

        return gradients;
    }

    // The derivative of c · tanh(x / c), from its value.
    private static T ClampSlope<T>(AttentionRules rules, T score)
        where T : IFloatingPointIeee754<T>
    {
        if (rules.SoftClamp == 0f)
            return T.One;
        T tanh = score / T.CreateChecked(rules.SoftClamp);
        return T.One - (tanh * tanh);
    }

    private static T Dot<T>(T[] left, long leftOffset, T[] right, long rightOffset, int count)
        where T : IFloatingPointIeee754<T>
    {
        T sum = T.Zero;
        for (int c = 0; c < count; c++)
            sum += left[leftOffset + c] * right[rightOffset + c];
        return sum;
    }

    private static void AddScaled<T>(T[] target, long targetOffset, T factor, T[] source, long sourceOffset, int count)
        where T : IFloatingPointIeee754<T>
    {
        for (int c = 0; c < count; c++)
            target[targetOffset + c] += factor * source[sourceOffset + c];
    }
}
