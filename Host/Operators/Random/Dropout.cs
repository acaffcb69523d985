using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>
    /// Dropout as the open training step draws it: elements become zero with <paramref name="probability"/>, the others grow by 1 / (1 − p). In evaluation (see
    /// <see cref="ComputeDevice.BeginTraining"/>) nothing happens.
    /// </summary>
    /// <param name="input">Any shape.</param>
    /// <param name="probability">p in [0, 1).</param>
    /// <returns>A tensor of the input's shape and data type; the input itself where nothing happens.</returns>
    /// <exception cref="ArgumentException">A device or data type does not fit, or p is not in [0, 1); nothing was launched.</exception>
    public static Tensor Dropout(Tensor input, float probability)
    {
        DropoutOperator.Check(input, probability);
        if (probability == 0f || input.Device.Training is not { } training)
            return input;
        (ulong seed, ulong stream) = training.NextStream();
        return Dropout(input, probability, seed, stream);
    }

    /// <summary>
    /// y = x / (1 − p) with probability 1 − p, zero otherwise. What is dropped depends on seed, stream and position alone: no mask is stored, the gradient
    /// draws it again, and every device drops the same elements.
    /// </summary>
    /// <param name="input">Any shape.</param>
    /// <param name="probability">p in [0, 1).</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="stream">A number for each call of a run: layer and step.</param>
    /// <returns>A tensor of the input's shape and data type; the input itself where p is 0.</returns>
    /// <exception cref="ArgumentException">A device or data type does not fit, or p is not in [0, 1); nothing was launched.</exception>
    public static Tensor Dropout(Tensor input, float probability, ulong seed, ulong stream)
    {
        DropoutOperator.Check(input, probability);
        if (probability == 0f)
            return input;
        Tensor output = Tensor.Empty(input.Device, input.Shape, input.DType);
        if (output.Shape.Count > 0)
            DropoutArguments.Definition.Run(input.Device, new DropoutArguments(input, output, probability, seed, stream));
        if (input.Device.Records(input))
            Record(input, probability, seed, stream, output);
        return output;

        static void Record(Tensor input, float probability, ulong seed, ulong stream, Tensor output)
            => input.Device.Record(output, gradient => GradientTape.Accumulate(input, Dropout(gradient, probability, seed, stream)));
    }
}

/// <summary>What a Dropout variant is given.</summary>
[Operator("Dropout", "y = x / (1 − p) or zero, by Philox 4x32-10")]
[Variant(typeof(DropoutVectorized<>), "SIMD, sixteen counters at a time")]
[Variant(typeof(DropoutPortable<>), "one counter and four elements per thread")]
internal readonly partial record struct DropoutArguments(Tensor Input, Tensor Output, float Probability, ulong Seed, ulong Stream)
{
    public long Count => Output.Shape.Count;

    public int ElementsPerBlock(ComputeDevice device) => VectorizedBlocks.ElementsPerBlock(device, Count);

    public uint KeyA => (uint)Seed;

    public uint KeyB => (uint)(Seed >> 32);

    public uint StreamA => (uint)Stream;

    public uint StreamB => (uint)(Stream >> 32);

    // p < 1 in float32 is at most 1 − 2^−24, so the product fits.
    public uint Threshold => (uint)(Probability * 4294967296.0);

    public float Scale => 1f / (1f - Probability);
}

/// <summary>What the callers of Dropout share.</summary>
internal static class DropoutOperator
{
    public static void Check(Tensor input, float probability)
    {
        ArgumentNullException.ThrowIfNull(input);
        Arguments.CheckFloating(input.Device, input);
        if (!(probability >= 0f && probability < 1f))
            throw Arguments.Wrong(nameof(probability), $"is {probability}, but must be in [0, 1).");
    }
}
