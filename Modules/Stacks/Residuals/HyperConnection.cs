using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Hyper-connections: several streams [batch, sequence, streams, dim] in place of one. With z the LayerNorm of each stream and w = z W_α · a + A_α, the layer's
/// input is Σ_s sigmoid(w_s,in) · stream_s, the streams go on mixed by the matrix of the other w, made doubly stochastic by Sinkhorn and Knopp's rule, and
/// stream s takes β_s times the layer's output, β = 2 sigmoid(2 b · sigmoid(z·w_β) + B_β). Keys: <c>norm.weight</c>, <c>static_alpha</c>, <c>static_beta</c>,
/// <c>dynamic_alpha_fn</c>, <c>dynamic_alpha_scale</c>, <c>dynamic_beta_fn</c>, <c>dynamic_beta_scale</c>.
/// </summary>
/// <remarks>Zhu et al. 2024, "Hyper-Connections"; Xie et al. 2025, "Manifold-Constrained Hyper-Connections". See HyperConnUnconstrainedMixing.</remarks>
internal sealed class HyperConnection : Residual
{
    private const float InitialScale = 0.01f;

    // What a sum of nothing counts as.
    private const float Smallest = 1e-12f;

    private readonly int _streams;
    private readonly int _views;
    private readonly int _iterations;
    private readonly bool _isSummed;
    private readonly AffineLayerNorm _norm;
    private readonly Tensor _staticBeta;   // [streams]
    private readonly Tensor _staticAlpha;  // [streams, views + streams]
    private readonly Tensor _alpha;        // [dim, views + streams]
    private readonly Tensor _alphaScale;   // []
    private readonly Tensor _beta;         // [dim]
    private readonly Tensor _betaScale;    // []

    public HyperConnection(AttentionLayersOptions options, LayerKind kind, int index, ParameterInitializer initializer)
        : base(initializer)
    {
        using StepScope construction = Device.BeginConstruction();
        _streams = options.NumResidualStreams;
        _views = kind == LayerKind.SelfAttention && options.QkvReceiveDiffResiduals && !options.IntegrateLayers ? 3 : 1;
        _iterations = options.HyperConnSinkhornIters;
        _isSummed = options.HyperConnUnconstrainedMixing;
        (int dim, int columns) = (options.Dim, _views + _streams);
        _staticBeta = AddParameter("static_beta", initializer.Constant([_streams], 1f));
        _staticAlpha = AddParameter("static_alpha", initializer.Constant([_streams, columns], 0f));
        var start = new float[_streams * columns];
        for (int s = 0; s < _streams; s++)
        {
            start[s * columns + _views + s] = 1f;
            for (int view = 0; view < _views && s == index % _streams; view++)
                start[s * columns + view] = 1f;
        }

        _staticAlpha.Write(start);
        _alpha = AddParameter("dynamic_alpha_fn", initializer.Constant([dim, columns], 0f));
        _alphaScale = AddParameter("dynamic_alpha_scale", initializer.Constant([], InitialScale));
        _beta = AddParameter("dynamic_beta_fn", initializer.Constant([dim], 0f));
        _betaScale = AddParameter("dynamic_beta_scale", initializer.Constant([], InitialScale));
        _norm = AddChild("norm", new AffineLayerNorm(dim, bias: false, initializer));
        construction.Complete();
    }

    public override PreparedStream Prepare(Tensor stream)
    {
        (int batch, int length, int dim) = (stream.Shape[0], stream.Shape[1], stream.Shape[3]);
        Tensor normed = _norm.Forward(stream);
        Tensor alpha = Times(normed, _alpha.Like(stream), _views + _streams) * _alphaScale.Like(stream) + _staticAlpha.Like(stream);
        Tensor inputs = Operators.Sigmoid(alpha.Narrow(-1, 0, _views)), mixing = alpha.Narrow(-1, _views, _streams);
        Tensor views = Weighted(inputs, stream); // [batch, sequence, views, dim]
        Tensor mixed = _isSummed ? stream.Sum(2, keepDim: true).Expand(stream.Shape) : Weighted(DoublyStochastic(mixing), stream);
        Tensor beta = Operators.Sigmoid(Times(normed, _beta.Like(stream), 1)) * 2f * _betaScale.Like(stream) + _staticBeta.Like(stream).Reshape([_streams, 1]);
        Tensor View(int view) => views.Narrow(2, view, 1).Reshape([batch, length, dim]);
        return new PreparedStream(_views == 1 ? new LayerViews(View(0)) : new LayerViews(View(0), View(1), View(2)), mixed, Operators.Sigmoid(beta) * 2f);
    }

    public override Tensor Join(Tensor branch, PreparedStream prepared, Tensor? mask)
        => branch.Reshape([branch.Shape[0], branch.Shape[1], 1, branch.Shape[2]]) * prepared.Weights! + prepared.Stream;

    // [batch, sequence, streams, dim] times [dim, columns]
    private static Tensor Times(Tensor streams, Tensor matrix, int columns)
    {
        Shape shape = streams.Shape;
        int rows = checked(shape[0] * shape[1] * shape[2]);
        return Operators.MatrixMultiply(streams.Reshape([rows, shape[3]]), matrix.Reshape([shape[3], columns])).Reshape(shape.WithLast(columns));
    }

    // Σ_s weights[…, s, t] · streams[…, s, :]
    private static Tensor Weighted(Tensor weights, Tensor streams) => Operators.BatchedMatrixMultiply(weights.Transpose(-1, -2), streams);

    private Tensor DoublyStochastic(Tensor mixing)
    {
        Tensor matrix = Operators.Softmax(mixing.As(DType.Float32).Transpose(-1, -2)).Transpose(-1, -2);
        for (int i = 0; i < _iterations; i++)
        {
            matrix /= Operators.Maximum(matrix.Sum(-1, keepDim: true), Smallest);
            matrix /= Operators.Maximum(matrix.Sum(-2, keepDim: true), Smallest);
        }

        return matrix.Like(mixing);
    }
}
