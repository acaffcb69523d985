using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// A learned vector for each position: x[b, p] + table[p] · dim^−½, or + table[p] / |table[p]| where L2-normalised. Key: <c>emb.weight</c> [count, dim].
/// </summary>
/// <remarks>x-transformers' <c>AbsolutePositionalEmbedding</c>.</remarks>
public sealed class LearnedPositions : AbsolutePositions
{
    private readonly Tensor _table; // [count, dim]
    private readonly bool _isNormalised;

    /// <summary>A table with x-transformers' initialisation, normal with variance one.</summary>
    /// <param name="count">How many positions.</param>
    /// <param name="dim">The width of a vector.</param>
    /// <param name="device">Where it is.</param>
    /// <param name="l2norm">Whether vectors are brought to length one.</param>
    /// <param name="seed">For the initial values.</param>
    /// <param name="dtype">What it is stored as.</param>
    public LearnedPositions(int count, int dim, ComputeDevice device, bool l2norm = false, int seed = 0, DType dtype = DType.Float32)
        : this(count, dim, l2norm, new ParameterInitializer(device, seed, dtype))
    {
    }

    /// <summary>A table as a part of another model.</summary>
    public LearnedPositions(int count, int dim, bool l2norm, ParameterInitializer initializer)
        : base(dim, initializer)
    {
        OptionChecks.Positive(count, nameof(count));
        OptionChecks.Positive(dim, nameof(dim));
        _isNormalised = l2norm;
        _table = AddChild("emb", new ModuleGroup(initializer)).AddTensor(
            "weight", initializer.Normal([count, dim], l2norm ? TokenEmbedding.NormalisedDeviation : 1f));
    }

    /// <inheritdoc/>
    public override int? Count => _table.Shape[0];

    private float Factor => 1f / MathF.Sqrt(Dim);

    /// <inheritdoc/>
    protected override Tensor Leading(int length)
    {
        Tensor rows = FirstRows(_table, length);
        return _isNormalised ? TokenEmbedding.ToUnitLength(rows) : Operators.Scale(rows, Factor);
    }

    /// <inheritdoc/>
    protected override Tensor Lookup(Tensor pos)
        => _isNormalised ? TokenEmbedding.ToUnitLength(Operators.Embedding(_table, pos)) : Operators.Embedding(_table, pos, Factor);
}
