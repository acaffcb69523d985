using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Rotary position embedding: pair i of the first RotaryEmbDim columns of every query and key is rotated by position · inv_freq_i / RotaryInterpolationFactor,
/// with inv_freq_i = base^(−2i / RotaryEmbDim). With RotaryXpos it is scaled too, by s_i^e for queries and s_i^−e for keys, e growing with the position. Key:
/// <c>inv_freq</c> [RotaryEmbDim / 2], and with RotaryXpos <c>scale</c> of the same shape: buffers.
/// </summary>
/// <remarks>Su et al. 2021; Sun et al. 2022 (xPos). The base is rescaled as the community's NTK-aware interpolation does.</remarks>
internal sealed class RotaryPositions : Module
{
    private const double Base = 10_000;

    private readonly AttentionLayersOptions _options;
    private readonly Tensor _inverseFrequencies; // [pairs]
    private readonly Tensor? _scale;             // [pairs]

    public RotaryPositions(AttentionLayersOptions options, ParameterInitializer initializer)
        : base(initializer)
    {
        using StepScope construction = Device.BeginConstruction();
        _options = options;
        int dim = options.RotaryDim, pairs = (dim + 1) / 2;
        double scaled = Base * Math.Pow(options.RotaryBaseRescaleFactor, dim / (dim - 2.0));
        _inverseFrequencies = Buffer("inv_freq", pairs, i => 1 / Math.Pow(scaled, 2.0 * i / dim));
        if (options.RotaryXpos)
            _scale = Buffer("scale", pairs, i => (2.0 * i + 0.4 * dim) / (1.4 * dim));
        construction.Complete();
    }

    /// <summary>How queries at positions <paramref name="positions"/> are rotated, and keys at the same ones.</summary>
    /// <param name="positions">float32 [1 or batch, sequence]</param>
    /// <param name="last">The largest position, or null if it shall be looked up.</param>
    public RotationTables Of(Tensor positions, float? last = null)
    {
        (int batch, int length, int pairs) = (positions.Shape[0], positions.Shape[1], (int)_inverseFrequencies.Shape.Count);
        Tensor angles = positions.Reshape([batch, length, 1]) * _inverseFrequencies / _options.RotaryInterpolationFactor;
        Tensor cosine = Operators.Cos(angles), sine = Operators.Sin(angles);
        if (_scale is null)
        {
            Tensor both = Pairs(cosine, sine);
            return new RotationTables(both, both);
        }

        // The scale's centre is the middle of the positions; only differences from it remain in the scores.
        float centre = MathF.Floor(((last ?? positions.ToArray().DefaultIfEmpty().Max()) + 1) / 2);
        Tensor exponents = (positions - centre).Reshape([batch, length, 1]) / _options.RotaryXposScaleBase;
        Tensor grow = Operators.Exp(Operators.Log(_scale) * exponents), shrink = Operators.Reciprocal(grow);
        return new RotationTables(Pairs(cosine * grow, sine * grow), Pairs(cosine * shrink, sine * shrink));

        Tensor Pairs(Tensor first, Tensor second)
            => Operators.Concatenate([first.Reshape([batch, length, pairs, 1]), second.Reshape([batch, length, pairs, 1])], -1)
                .Reshape([batch, length, 2 * pairs]);
    }

    /// <inheritdoc/>
    public override Tensor Invoke(CallArguments arguments) => throw new NotSupportedException("Positions belong to a stack; call the stack.");

    private Tensor Buffer(string name, int count, Func<int, double> value)
    {
        Tensor buffer = AddBuffer(name, Tensor.Persistent(Device, [count]));
        buffer.Write([.. Enumerable.Range(0, count).Select(i => (float)value(i))]);
        return buffer;
    }
}

/// <summary>Cosines and sines, pair by pair, for <see cref="Operators.RotatePairs"/>.</summary>
/// <param name="Query">float32 [1 or batch, queries, rotated]</param>
/// <param name="Key">float32 [1 or batch, keys, rotated]</param>
internal sealed record RotationTables(Tensor Query, Tensor Key);
