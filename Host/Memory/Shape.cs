using System.Collections.Immutable;
using System.Runtime.CompilerServices;

namespace GpuTransformer.Host;

/// <summary>The lengths of a tensor's axes, outermost first. A scalar has none.</summary>
[CollectionBuilder(typeof(Shape), nameof(Create))]
public readonly struct Shape : IEquatable<Shape>, IEnumerable<int>
{
    // Eight bytes each, rounded up to a block of the pool, still fit a long.
    private const long MaximumCount = 1L << 59;

    private readonly ImmutableArray<int> _lengths;

    /// <summary>A shape from its axis lengths.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An axis is negative, or the number of elements exceeds 2^59.</exception>
    public Shape(params ReadOnlySpan<int> lengths)
    {
        // In floating point nothing overflows, and an empty axis makes any product zero.
        double estimate = 1;
        long count = 1;
        foreach (int length in lengths)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(length, nameof(lengths));
            estimate *= length;
            count = unchecked(count * length);
        }

        if (estimate > MaximumCount)
            throw new ArgumentOutOfRangeException(nameof(lengths), $"The shape [{string.Join(", ", lengths.ToArray())}] has more than 2^59 elements.");
        _lengths = [.. lengths];
        Count = count;
    }

    /// <summary>The number of elements: the product of all axes, 1 for a scalar.</summary>
    public long Count { get => _lengths.IsDefault ? 1 : field; }

    /// <summary>The number of axes.</summary>
    public int Rank => _lengths.IsDefault ? 0 : _lengths.Length;

    /// <summary>The length of one axis; negative or from-end indices count from the last axis.</summary>
    public int this[Index axis] => Lengths[axis];

    /// <summary>All lengths.</summary>
    public ReadOnlySpan<int> Lengths => _lengths.IsDefault ? default : _lengths.AsSpan();

    /// <summary>Creates a shape; what a collection expression calls.</summary>
    public static Shape Create(ReadOnlySpan<int> lengths) => new(lengths);

    /// <summary>A collection of lengths is a shape.</summary>
    public static implicit operator Shape(int[] lengths) => new(lengths);

    /// <summary>Equal axis by axis.</summary>
    public static bool operator ==(Shape left, Shape right) => left.Equals(right);

    /// <summary>Different in some axis.</summary>
    public static bool operator !=(Shape left, Shape right) => !left.Equals(right);

    /// <summary>This shape with its last axis replaced.</summary>
    /// <exception cref="InvalidOperationException">A scalar has no axis.</exception>
    public Shape WithLast(int length)
    {
        if (Rank == 0)
            throw new InvalidOperationException("A scalar has no last axis.");
        int[] lengths = Lengths.ToArray();
        lengths[^1] = length;
        return new Shape(lengths);
    }

    /// <inheritdoc/>
    public bool Equals(Shape other) => Lengths.SequenceEqual(other.Lengths);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Shape other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        foreach (int length in Lengths)
            hash.Add(length);
        return hash.ToHashCode();
    }

    /// <inheritdoc/>
    public IEnumerator<int> GetEnumerator() => (_lengths.IsDefault ? [] : (IEnumerable<int>)_lengths).GetEnumerator();

    System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>For messages: <c>[2, 64, 256]</c>.</summary>
    public override string ToString() => $"[{string.Join(", ", Lengths.ToArray())}]";
}
