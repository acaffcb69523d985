using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// RMS normalisation of each head of [batch, sequence, heads · width], in groups, then a gain per head and channel. An L2 normalisation is the same up to
/// √groupWidth, which attention's scale takes in.
/// </summary>
/// <param name="GroupWidth">How many neighbouring channels are normalised together.</param>
/// <param name="Gain">[heads, 1, width], or null for none.</param>
/// <param name="GainOffset">Added to the gain.</param>
internal sealed record HeadNorm(int GroupWidth, Tensor? Gain, float GainOffset)
{
    public Tensor Forward(Tensor x)
    {
        Shape shape = x.Shape;
        Tensor normalised = Operators.RmsNorm(x.Reshape([(int)(shape.Count / GroupWidth), GroupWidth]), null).Reshape(shape);
        return Gain is null ? normalised : Operators.ScaleAndShift(normalised, Gain.Like(x).Reshape([(int)Gain.Shape.Count]), null, GainOffset);
    }
}

/// <summary>RMS normalisation with a gain per head, stored minus one. Key: <c>gamma</c> [heads, 1, width].</summary>
internal sealed class MultiheadRmsNorm : Norm
{
    private readonly HeadNorm _norm;

    public MultiheadRmsNorm(int heads, int width, ParameterInitializer initializer)
        : base(initializer)
        => _norm = new HeadNorm(width, AddParameter("gamma", initializer.Constant([heads, 1, width], 0f)), 1f);

    public override Tensor Forward(Tensor x, Tensor? condition = null) => _norm.Forward(x);
}
