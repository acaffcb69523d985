using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// One vector for each position of a sequence, added to its tokens: <see cref="LearnedPositions"/>, <see cref="SinusoidalPositions"/>, or one's own, which
/// derives from it and is used with <see cref="TransformerWrapperOptions.CustomPositions"/>.
/// </summary>
public abstract class AbsolutePositions : Module
{
    // A GPU's grid ends at 65535 groups of 64 columns.
    private const int LongestShift = 65535 * 64;

    /// <summary>Positions without parameters yet.</summary>
    /// <param name="dim">The width of a vector.</param>
    /// <param name="initializer">For the parameters.</param>
    protected AbsolutePositions(int dim, ParameterInitializer initializer)
        : base(initializer) => Dim = dim;

    /// <summary>The width of a vector.</summary>
    public int Dim { get; }

    /// <summary>How many positions there are; null for no limit.</summary>
    public abstract int? Count { get; }

    /// <summary>x + vectors of the positions.</summary>
    /// <param name="x">[batch, sequence, dim]</param>
    /// <param name="pos">Integers [sequence] or [batch, sequence], each in [0, Count); null for 0, 1, 2, …</param>
    /// <returns>A tensor of the input's shape.</returns>
    /// <exception cref="ArgumentException">
    /// A shape, device or data type does not fit, the sequence is longer than there are positions, or one is out of range.
    /// </exception>
    public Tensor Forward(Tensor x, Tensor? pos = null)
    {
        ForwardChecks.Sequence(this, x, Dim);
        CheckPositions(x, pos);
        using InferenceScope scope = InferenceScope.Begin(Device);
        if (pos is null && x.Shape[0] > 1 && (long)x.Shape[1] * Dim > LongestShift)
            pos = Repeated(x.Shape[0], x.Shape[1]);
        if (pos is null)
            return scope.Keep(AddToEach(x, Fitting(Leading(x.Shape[1]), [x.Shape[1], Dim], nameof(Leading)).Like(x)));
        Tensor vectors = Fitting(Lookup(pos), [.. pos.Shape, Dim], nameof(Lookup)).Like(x);
        return scope.Keep(pos.Shape.Rank == 2 ? Operators.Add(x, vectors) : AddToEach(x, vectors));
    }

    /// <inheritdoc/>
    public override Tensor Invoke(CallArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        (Tensor x, Tensor? pos) = (arguments.Required("x"), arguments.Optional("pos"));
        arguments.CheckAllUsed(GetType().Name);
        return Forward(x, pos);
    }

    /// <summary>[batch, length, dim] + [length, dim], the same for every sample: as one long row, shifted by one long vector.</summary>
    internal static Tensor AddToEach(Tensor x, Tensor rows)
    {
        (int batch, int length, int dim) = (x.Shape[0], x.Shape[1], x.Shape[2]);
        return batch == 1
            ? Operators.Add(x, rows.Reshape(x.Shape))
            : Operators.ScaleAndShift(x.Reshape([batch, checked(length * dim)]), null, rows.Reshape([length * dim])).Reshape(x.Shape);
    }

    /// <summary>The vectors of positions 0 to length − 1: [length, dim].</summary>
    /// <param name="length">At most <see cref="Count"/>.</param>
    protected abstract Tensor Leading(int length);

    /// <summary>The vectors of the given positions: […, dim].</summary>
    /// <param name="pos">Integers […], each from 0 to below <see cref="Count"/>; a table's <see cref="Operators.Embedding"/> checks that.</param>
    protected abstract Tensor Lookup(Tensor pos);

    /// <summary>The first rows of a table [count, dim], as part of the computation.</summary>
    protected static Tensor FirstRows(Tensor table, int rows)
        => rows == table.Shape[0] ? table : Operators.SliceRows(table.Reshape([1, table.Shape[0], table.Shape[1]]), 0, rows).Reshape([rows, table.Shape[1]]);

    /// <summary>What an option's function made, if it fits the model.</summary>
    internal static AbsolutePositions Checked(AbsolutePositions? made, int dim, ParameterInitializer initializer)
    {
        const string Option = nameof(TransformerWrapperOptions.CustomPositions);
        return made switch
        {
            null => throw ForwardChecks.Wrong(Option, $"{Option} returned null."),
            _ when !ReferenceEquals(made.Device, initializer.Device) => throw ForwardChecks.Wrong(
                Option, $"{Option} made positions on {made.Device}, but the model is on {initializer.Device}."),
            _ when made.Dim != dim => throw ForwardChecks.Wrong(Option, $"{Option} made vectors {made.Dim} wide, but the model's are {dim} wide."),
            _ => made,
        };
    }

    private Tensor Fitting(Tensor? vectors, Shape wanted, string function) => vectors is { } found && found.Shape == wanted
        ? found
        : throw new InvalidOperationException(
            $"{GetType().Name}.{function} returned {(vectors is null ? "null" : $"vectors of shape {vectors.Shape}")}; {wanted} is needed.");

    // Every sample's positions, one by one: for sequences that are too long to be shifted as one row.
    private Tensor Repeated(int batch, int length)
    {
        var positions = new int[batch * length];
        for (int i = 0; i < positions.Length; i++)
            positions[i] = i % length;
        return Tensor.From(Device, [batch, length], positions);
    }

    private void CheckPositions(Tensor x, Tensor? pos)
    {
        (int batch, int length) = (x.Shape[0], x.Shape[1]);
        if (pos is null)
        {
            if (length > Count)
                throw new ArgumentException($"'x' has shape {x.Shape}: {length} positions, but the table has {Count} (MaxSeqLen).", nameof(x));
            return;
        }

        ForwardChecks.OnDevice(this, pos, nameof(pos));
        if (pos.DType is not (DType.Int32 or DType.Int64) || !(pos.Shape == new Shape(length) || pos.Shape == new Shape(batch, length)))
            throw new ArgumentException(
                $"'pos' is {pos.DType} {pos.Shape}, but positions for {x.Shape} are integers [{length}] or [{batch}, {length}].", nameof(pos));
    }
}
