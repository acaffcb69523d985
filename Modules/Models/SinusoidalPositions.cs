using System.Numerics;
using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Fixed sines and cosines times one learned number: x[b, p] + scale · [sin(p · ω_i) | cos(p · ω_i)], ω_i = 10000^(−2i/dim). Key: <c>scale</c> [1].
/// </summary>
/// <remarks>x-transformers' <c>ScaledSinusoidalEmbedding</c>; the vectors of <see cref="SineCosinePositions.Line"/>.</remarks>
public sealed class SinusoidalPositions : AbsolutePositions
{
    private const int FewestRows = 64;

    private readonly Tensor _scale; // [1]
    private Tensor? _table;         // [as many as were needed so far, rounded up; dim]

    /// <summary>Positions whose scale starts at dim^−½.</summary>
    /// <param name="dim">The width of a vector; even.</param>
    /// <param name="device">Where they are.</param>
    /// <param name="dtype">What they are stored as.</param>
    public SinusoidalPositions(int dim, ComputeDevice device, DType dtype = DType.Float32)
        : this(dim, new ParameterInitializer(device, 0, dtype))
    {
    }

    /// <summary>Positions as a part of another model.</summary>
    public SinusoidalPositions(int dim, ParameterInitializer initializer)
        : base(dim, initializer)
    {
        if (dim < 2 || dim % 2 != 0)
            throw new ArgumentException($"Sinusoidal positions are {dim} wide, but sines and cosines take half of the width each: make it even.", nameof(dim));
        _scale = AddParameter("scale", initializer.Constant([1], 1f / MathF.Sqrt(dim)));
    }

    /// <inheritdoc/>
    public override int? Count => null;

    /// <inheritdoc/>
    protected override Tensor Leading(int length) => Operators.ScaleAndShift(FirstRows(Table(length), length), _scale, null);

    /// <inheritdoc/>
    protected override Tensor Lookup(Tensor pos)
    {
        long last = pos.ToInt64Array().Append(0).Max();
        if (last >= int.MaxValue / Dim)
            throw ForwardChecks.Wrong(
                nameof(pos), $"'pos' holds {last}, but a table of sines and cosines {Dim} wide has at most {int.MaxValue / Dim} positions.");
        return Operators.ScaleAndShift(Operators.Embedding(Table((int)last + 1), pos), _scale, null);
    }

    // An outgrown table stays: a tape may still refer to it, and doubling bounds what they add up to.
    private Tensor Table(int rows)
    {
        if (_table is null || _table.Shape[0] < rows)
        {
            int count = checked((int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(rows, FewestRows)));
            _table = AddConstant(Tensor.Persistent(Device, [count, Dim], DType))!;
            _table.Write(SineCosinePositions.Line(count, Dim));
        }

        return _table;
    }
}
