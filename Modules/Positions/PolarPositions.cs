using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Polar positions: the angle of column i at position p is p · 10,000^(−i / dimHead), for keys plus a learned one per head and column within [−2π, 0]. Keys:
/// <c>inv_freq</c> [dimHead], a buffer, and <c>learned_bias</c> [heads, 1, dimHead].
/// </summary>
/// <remarks>Gopalakrishnan et al. 2025.</remarks>
internal sealed class PolarPositions : Module
{
    private const double Base = 10_000;
    private const float Lowest = -2f * MathF.PI;

    private readonly Tensor _inverseFrequencies; // [dimHead]
    private readonly Tensor _bias;               // [heads, 1, dimHead]

    public PolarPositions(AttentionLayersOptions options, ParameterInitializer initializer)
        : base(initializer)
    {
        using StepScope construction = Device.BeginConstruction();
        int width = options.Attn.DimHead;
        _inverseFrequencies = AddBuffer("inv_freq", Tensor.Persistent(Device, [width]));
        _inverseFrequencies.Write([.. Enumerable.Range(0, width).Select(i => (float)(1 / Math.Pow(Base, (double)i / width)))]);
        _bias = AddParameter("learned_bias", initializer.Constant([options.Heads, 1, width], 0f));
        if (options.PolarBiasUniformInit)
        {
            using Tensor drawn = initializer.Uniform(_bias.Shape, 1);
            _bias.Write(Array.ConvertAll(drawn.ToArray(), static u => (u + 1f) / 2f * Lowest));
        }

        construction.Complete();
    }

    /// <summary>The angles of queries and keys at <paramref name="positions"/>.</summary>
    /// <param name="positions">float32 [1 or batch, sequence]</param>
    public PolarAngles Of(Tensor positions)
    {
        Tensor angles = positions.Reshape([positions.Shape[0], positions.Shape[1], 1, 1]) * _inverseFrequencies;
        Tensor bias = _bias.As(DType.Float32).Reshape([1, 1, _bias.Shape[0], _bias.Shape[2]]);
        bias = Operators.Where(bias > 0f, 0f, Operators.Where(bias < Lowest, Lowest, bias));

        // By the sums of angles, so that no gradient has to pass through an angle of thousands.
        Tensor cosine = Operators.Cos(angles), sine = Operators.Sin(angles), biasCosine = Operators.Cos(bias), biasSine = Operators.Sin(bias);
        return new PolarAngles(cosine, sine, cosine * biasCosine - sine * biasSine, sine * biasCosine + cosine * biasSine);
    }

    /// <inheritdoc/>
    public override Tensor Invoke(CallArguments arguments) => throw new NotSupportedException("Positions belong to a stack; call the stack.");
}

/// <summary>Cosines and sines, broadcast to [batch, sequence, heads, dimHead].</summary>
internal sealed record PolarAngles(Tensor QueryCosine, Tensor QuerySine, Tensor KeyCosine, Tensor KeySine);
