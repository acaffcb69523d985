using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Samples;

/// <summary>Sorts short sequences of symbols: for each place, the scores of the symbol that belongs there.</summary>
internal sealed class SortingModel : Module
{
    public const int Symbols = 16, Length = 16;

    private readonly Encoder _encoder;
    private readonly Linear _scores;
    private readonly LearnedPositions _positions;
    private readonly Tensor _symbols; // [symbols, dim]

    /// <param name="dim">The width.</param>
    /// <param name="depth">Blocks.</param>
    /// <param name="teacherDim">The width of the hidden states that every block attends; null for a model on its own.</param>
    /// <param name="initializer">Makes the parameters.</param>
    public SortingModel(int dim, int depth, int? teacherDim, ParameterInitializer initializer)
        : base(initializer)
    {
        _symbols = AddParameter("symbols", initializer.Normal([Symbols, dim], 0.5f));
        _positions = AddChild("positions", new LearnedPositions(Length, dim, l2norm: false, initializer));
        var options = new AttentionLayersOptions { Dim = dim, Depth = depth, Heads = 4, Attn = new() { DimHead = dim / 4 },
            CrossAttend = teacherDim is not null, CrossAttn = new() { DimHead = dim / 4, DimContext = teacherDim } };
        _encoder = AddChild("encoder", new Encoder(options, initializer));
        _scores = AddChild("scores", new Linear(dim, Symbols, bias: true, initializer));
    }

    /// <summary>The scores [batch, length, symbols].</summary>
    /// <param name="sequence">Int32 [batch, length]</param>
    /// <param name="teacher">[batch, length, teacherDim]: a teacher's hidden states.</param>
    /// <param name="hiddens">Receives the stream before every layer and after the last.</param>
    public Tensor Forward(Tensor sequence, Tensor? teacher = null, IList<Tensor>? hiddens = null)
    {
        Tensor tokens = _positions.Forward(Operators.Embedding(_symbols, sequence));
        return _scores.Forward(_encoder.Forward(tokens, context: teacher, hiddens: hiddens));
    }
}
