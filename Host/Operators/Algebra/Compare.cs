using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>Where left = right, broadcast: a <see cref="DType.Bool"/> tensor, as masks are, without a gradient.</summary>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was launched.</exception>
    public static Tensor Equal(Tensor left, Tensor right) => CompareOperator.Compare(left, right, Relation.Equal);

    /// <inheritdoc cref="Equal(Tensor, Tensor)"/>
    public static Tensor Equal(Tensor left, float right) => CompareNumberOperator.Compare(left, right, Relation.Equal);

    /// <summary>Where left ≠ right, as NaN is to everything, broadcast: a <see cref="DType.Bool"/> tensor, as masks are, without a gradient.</summary>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was launched.</exception>
    public static Tensor NotEqual(Tensor left, Tensor right)
        => CompareOperator.Compare(left, right, Relation.Less | Relation.Greater | Relation.Unordered);

    /// <inheritdoc cref="NotEqual(Tensor, Tensor)"/>
    public static Tensor NotEqual(Tensor left, float right)
        => CompareNumberOperator.Compare(left, right, Relation.Less | Relation.Greater | Relation.Unordered);

    /// <summary>Where left &lt; right, broadcast: a <see cref="DType.Bool"/> tensor, as masks are, without a gradient.</summary>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was launched.</exception>
    public static Tensor Less(Tensor left, Tensor right) => CompareOperator.Compare(left, right, Relation.Less);

    /// <inheritdoc cref="Less(Tensor, Tensor)"/>
    public static Tensor Less(Tensor left, float right) => CompareNumberOperator.Compare(left, right, Relation.Less);

    /// <summary>Where left ≤ right, broadcast: a <see cref="DType.Bool"/> tensor, as masks are, without a gradient.</summary>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was launched.</exception>
    public static Tensor LessOrEqual(Tensor left, Tensor right) => CompareOperator.Compare(left, right, Relation.Less | Relation.Equal);

    /// <inheritdoc cref="LessOrEqual(Tensor, Tensor)"/>
    public static Tensor LessOrEqual(Tensor left, float right) => CompareNumberOperator.Compare(left, right, Relation.Less | Relation.Equal);

    /// <summary>Where left &gt; right, broadcast: a <see cref="DType.Bool"/> tensor, as masks are, without a gradient.</summary>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was launched.</exception>
    public static Tensor Greater(Tensor left, Tensor right) => CompareOperator.Compare(left, right, Relation.Greater);

    /// <inheritdoc cref="Greater(Tensor, Tensor)"/>
    public static Tensor Greater(Tensor left, float right) => CompareNumberOperator.Compare(left, right, Relation.Greater);

    /// <summary>Where left ≥ right, broadcast: a <see cref="DType.Bool"/> tensor, as masks are, without a gradient.</summary>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was launched.</exception>
    public static Tensor GreaterOrEqual(Tensor left, Tensor right) => CompareOperator.Compare(left, right, Relation.Greater | Relation.Equal);

    /// <inheritdoc cref="GreaterOrEqual(Tensor, Tensor)"/>
    public static Tensor GreaterOrEqual(Tensor left, float right) => CompareNumberOperator.Compare(left, right, Relation.Greater | Relation.Equal);
}

/// <summary>Comparisons of two tensors in the catalogue: one operator for all six, whose launch says which relations make the answer true.</summary>
internal static class CompareOperator
{
    public static readonly OperatorDefinition<BroadcastArguments<CompareMap>> Definition = BroadcastOperator<CompareMap>.DefineComparison(
        "Compare",
        "y = 1 where a relation holds between a and b, 0 elsewhere");

    public static Tensor Compare(Tensor left, Tensor right, int relations)
    {
        ArgumentNullException.ThrowIfNull(left);
        Arguments.CheckFloating(left.Device, left);
        Arguments.Check(left.Device, right, left.DType);
        Shape shape = BroadcastLayout.Common(left.Shape, right.Shape, nameof(right));
        return Algebra.Map(Definition, shape, left, right, null, new CompareMap(relations), DType.Bool);
    }
}

/// <summary>Comparisons of a tensor and a number in the catalogue.</summary>
internal static class CompareNumberOperator
{
    public static readonly OperatorDefinition<BroadcastArguments<CompareNumberMap>> Definition = BroadcastOperator<CompareNumberMap>.DefineComparison(
        "CompareNumber",
        "y = 1 where a relation holds between a and c, 0 elsewhere");

    public static Tensor Compare(Tensor left, float right, int relations)
    {
        ArgumentNullException.ThrowIfNull(left);
        Arguments.CheckFloating(left.Device, left);
        return Algebra.Map(Definition, left.Shape, left, null, null, new CompareNumberMap(relations, right), DType.Bool);
    }
}
