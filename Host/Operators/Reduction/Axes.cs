using System.Collections.Immutable;
using System.Runtime.CompilerServices;

namespace GpuTransformer.Host;

/// <summary>
/// The axes over which an operator works: one number, a list as in <c>[0, −1]</c>, or <c>default</c> for all. A negative one is counted from the end.
/// </summary>
[CollectionBuilder(typeof(Axes), nameof(Create))]
public readonly struct Axes : IEquatable<Axes>, IEnumerable<int>
{
    private readonly ImmutableArray<int> _axes;

    private Axes(ReadOnlySpan<int> axes) => _axes = [.. axes];

    /// <summary>One axis.</summary>
    public static implicit operator Axes(int axis) => new([axis]);

    /// <summary>A list of axes; an empty one means all.</summary>
    public static implicit operator Axes(int[] axes) => new(axes);

    /// <summary>The same axes.</summary>
    public static bool operator ==(Axes left, Axes right) => left.Equals(right);

    /// <summary>Other axes.</summary>
    public static bool operator !=(Axes left, Axes right) => !left.Equals(right);

    /// <summary>Creates a list; what a collection expression calls.</summary>
    public static Axes Create(ReadOnlySpan<int> axes) => new(axes);

    /// <inheritdoc/>
    public bool Equals(Axes other) => Span.SequenceEqual(other.Span);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Axes other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        foreach (int axis in Span)
            hash.Add(axis);
        return hash.ToHashCode();
    }

    /// <inheritdoc/>
    public IEnumerator<int> GetEnumerator() => (_axes.IsDefault ? [] : (IEnumerable<int>)_axes).GetEnumerator();

    System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Which axes of a shape these are.</summary>
    /// <exception cref="ArgumentException">The shape has no such axis, or one is named twice.</exception>
    internal bool[] Of(Shape shape, string name)
    {
        var chosen = new bool[shape.Rank];
        if (Span.IsEmpty)
            Array.Fill(chosen, true);
        foreach (int given in Span)
        {
            int axis = StridedLayout.Axis(shape, given, name);
            if (chosen[axis])
                throw Arguments.Wrong(name, $"names axis {axis} of {shape} twice; name each once.");
            chosen[axis] = true;
        }

        return chosen;
    }

    private ReadOnlySpan<int> Span => _axes.IsDefault ? default : _axes.AsSpan();
}
