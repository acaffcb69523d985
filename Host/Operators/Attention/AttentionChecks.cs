using System.Runtime.CompilerServices;

namespace GpuTransformer.Host;

/// <summary>What can be wrong with an attention call. Every message names the argument, its shape and the one that would fit.</summary>
internal static class AttentionChecks
{
    /// <summary>The widest head: what the kernels' tiles in shared memory and registers are laid out for.</summary>
    public const int MaximumHeadDim = 256;

    /// <summary>Everything that can be said before the sizes are known, then the sizes themselves.</summary>
    public static void CheckInputs(Tensor query, Tensor key, Tensor value, ScoreOptions options)
    {
        ArgumentNullException.ThrowIfNull(query);
        ArgumentNullException.ThrowIfNull(options);
        Arguments.CheckFloating(query.Device, query);
        Arguments.Check(query.Device, key, query.DType);
        Arguments.Check(query.Device, value, query.DType);
        CheckNumbers(options);
        if (options.Layout == AttentionLayout.HeadMajor)
            CheckHeadMajor(query, key, value, options);
        else
            CheckSequenceMajor(query, key, value, options);
        if (key.Shape[0] != query.Shape[0])
            throw Arguments.Wrong(nameof(key), $"has shape {key.Shape}: {key.Shape[0]} batches, but the query {query.Shape} has {query.Shape[0]}.");
        if (value.Shape[0] != query.Shape[0])
            throw Arguments.Wrong(nameof(value), $"has shape {value.Shape}: {value.Shape[0]} batches, but the query {query.Shape} has {query.Shape[0]}.");
        if (value.Shape[^2] != key.Shape[^2])
            throw Arguments.Wrong(nameof(value), $"has shape {value.Shape}: {value.Shape[^2]} positions, but the key {key.Shape} has {key.Shape[^2]}.");
        if (options.KeyCount is { } count && (count < 0 || count > key.Shape[^2]))
            throw Arguments.Wrong(nameof(options), $"asks for a KeyCount of {count}, but the key {key.Shape} has {key.Shape[^2]} rows.");
        int keys = options.KeyCount ?? key.Shape[^2];
        if (options.FreeColumns > keys)
            throw Arguments.Wrong(nameof(options), $"asks for {options.FreeColumns} free columns, but the key {key.Shape} has {keys} positions.");
    }

    /// <summary>The masks, biases and positions fit the sizes.</summary>
    public static void CheckRules(ComputeDevice device, ScoreOptions options, int batch, int queries, int keys)
    {
        int columns = keys - options.FreeColumns;
        if (options.KeyMask is { } keyMask)
        {
            Arguments.Check(device, keyMask, DType.Bool);
            Arguments.CheckShape(keyMask, [batch, columns], $"attention over {keys} keys, {options.FreeColumns} of them free,", nameof(options.KeyMask));
        }

        if (options.Mask is { } mask)
        {
            Arguments.Check(device, mask, DType.Bool);
            CheckBroadcast(mask, [batch, options.Heads, queries, columns], nameof(options.Mask));
        }

        if (options.Bias is { } bias)
        {
            Arguments.Check(device, bias, DType.Float32);
            CheckBroadcast(bias, [batch, options.Heads, queries, columns], nameof(options.Bias));
        }

        if (options.AlibiSlopes is { } slopes)
        {
            Arguments.Check(device, slopes, DType.Float32);
            Arguments.CheckShape(slopes, [options.Heads], $"ALiBi with {options.Heads} heads", nameof(options.AlibiSlopes));
        }

        if (options.AlibiPositions is { } positions)
        {
            Arguments.Check(device, positions, DType.Float32);
            if (options.AlibiSlopes is null)
                throw Arguments.Wrong(nameof(options.AlibiPositions), "is given without AlibiSlopes, so nothing would read it.");
            if (queries != columns)
                throw Arguments.Wrong(
                    nameof(options.AlibiPositions),
                    $"gives positions to queries and keys alike, so their numbers must agree, but there are {queries} queries and {columns} keys.");
            CheckBroadcast(positions, [batch, options.Heads, columns], nameof(options.AlibiPositions));
        }

        CheckDistances(device, options);
    }

    private static void CheckDistances(ComputeDevice device, ScoreOptions options)
    {
        if (options.DistanceBias is not { } table)
        {
            if (options.DistanceOrigin != 0)
                throw Arguments.Wrong(nameof(options.DistanceOrigin), $"is {options.DistanceOrigin} without a DistanceBias, so nothing would read it.");
            return;
        }

        Arguments.Check(device, table, DType.Float32);
        if (table.Shape.Rank != 2 || table.Shape[0] != options.Heads || table.Shape[1] < 1)
            throw Arguments.Wrong(
                nameof(options.DistanceBias), $"has shape {table.Shape}, but a bias by distance needs [{options.Heads}, span]: at least one number for each head.");
        if (options.AlibiSlopes is not null)
            throw Arguments.Wrong(
                nameof(options.DistanceBias), "and AlibiSlopes are both given; either is a bias by distance, so leave one of them out, or add ALiBi to the table.");
    }

    private static void CheckNumbers(ScoreOptions options)
    {
        if (options.Heads < 1)
            throw Arguments.Wrong(nameof(options), $"asks for {options.Heads} heads; at least one is needed.");
        if (options.KeyValueHeads < 0 || (options.KeyValueHeads > 0 && options.Heads % options.KeyValueHeads != 0))
            throw Arguments.Wrong(
                nameof(options),
                $"asks for {options.KeyValueHeads} key/value heads, which do not divide {options.Heads} query heads; 0 stands for as many as query heads.");
        if (options.Scale is { } scale && !float.IsFinite(scale))
            throw Arguments.Wrong(nameof(options), $"asks for a scale of {scale}; it must be finite.");
        if (options.SoftClamp is { } clamp && !(clamp > 0f && float.IsFinite(clamp)))
            throw Arguments.Wrong(nameof(options), $"asks for a soft clamp at {clamp}; it must be positive and finite, or null for none.");
        if (options.Window < 0)
            throw Arguments.Wrong(nameof(options), $"asks for a window of {options.Window}; it must be 0 or more, or null for no limit.");
        if (options.FreeColumns < 0)
            throw Arguments.Wrong(nameof(options), $"asks for {options.FreeColumns} free columns; it must be 0 or more.");
        if (!(options.Dropout >= 0f && options.Dropout < 1f))
            throw Arguments.Wrong(nameof(options), $"asks for a dropout of {options.Dropout}; it must be in [0, 1).");
    }

    private static void CheckSequenceMajor(Tensor query, Tensor key, Tensor value, ScoreOptions options)
    {
        int heads = options.Heads, keyValueHeads = AttentionGeometry.KeyValueHeads(options);
        CheckRank(query, 3, "[batch, queries, heads · headDim]");
        CheckRank(key, 3, "[batch, keys, keyValueHeads · headDim]");
        CheckRank(value, 3, "[batch, keys, keyValueHeads · valueDim]");
        if (query.Shape[2] % heads != 0)
            throw Arguments.Wrong(nameof(query), $"has shape {query.Shape}, whose width {query.Shape[2]} cannot be divided among {heads} heads.");
        int headDim = query.Shape[2] / heads;
        if (key.Shape[2] != (long)keyValueHeads * headDim)
            throw Arguments.Wrong(
                nameof(key),
                $"has shape {key.Shape}, but the query {query.Shape} with {heads} heads of {headDim} needs a width of {keyValueHeads} · {headDim} = "
                + $"{(long)keyValueHeads * headDim}.");
        if (value.Shape[2] % keyValueHeads != 0)
            throw Arguments.Wrong(
                nameof(value), $"has shape {value.Shape}, whose width {value.Shape[2]} cannot be divided among {keyValueHeads} key/value heads.");
        CheckWidth(headDim, query);
        CheckWidth(value.Shape[2] / keyValueHeads, value);
    }

    private static void CheckHeadMajor(Tensor query, Tensor key, Tensor value, ScoreOptions options)
    {
        int heads = options.Heads, keyValueHeads = AttentionGeometry.KeyValueHeads(options);
        CheckRank(query, 4, "[batch, heads, queries, headDim]");
        CheckRank(key, 4, "[batch, keyValueHeads, keys, headDim]");
        CheckRank(value, 4, "[batch, keyValueHeads, keys, valueDim]");
        CheckHeads(query, heads, "heads");
        CheckHeads(key, keyValueHeads, "key/value heads");
        CheckHeads(value, keyValueHeads, "key/value heads");
        if (key.Shape[3] != query.Shape[3])
            throw Arguments.Wrong(
                nameof(key), $"has shape {key.Shape}: heads of width {key.Shape[3]}, but the query {query.Shape} has heads of width {query.Shape[3]}.");
        CheckWidth(query.Shape[3], query);
        CheckWidth(value.Shape[3], value);
    }

    private static void CheckRank(Tensor tensor, int rank, string wanted, [CallerArgumentExpression(nameof(tensor))] string name = "")
    {
        if (tensor.Shape.Rank != rank)
            throw Arguments.Wrong(name, $"has shape {tensor.Shape}, but this layout needs {wanted}.");
    }

    private static void CheckHeads(Tensor tensor, int heads, string meaning, [CallerArgumentExpression(nameof(tensor))] string name = "")
    {
        if (tensor.Shape[1] != heads)
            throw Arguments.Wrong(name, $"has shape {tensor.Shape}: {tensor.Shape[1]} heads, but the options ask for {heads} {meaning}.");
    }

    private static void CheckWidth(int width, Tensor tensor, [CallerArgumentExpression(nameof(tensor))] string name = "")
    {
        if (width is < 1 or > MaximumHeadDim)
            throw Arguments.Wrong(name, $"has shape {tensor.Shape}: heads of width {width}, but the kernels take 1 to {MaximumHeadDim}.");
    }

    private static void CheckBroadcast(Tensor tensor, ReadOnlySpan<int> full, string name)
    {
        bool fits = tensor.Shape.Rank == full.Length && tensor.Shape[^1] == full[^1];
        for (int axis = 0; fits && axis < full.Length - 1; axis++)
            fits = tensor.Shape[axis] == full[axis] || tensor.Shape[axis] == 1;
        if (!fits)
            throw Arguments.Wrong(name, $"has shape {tensor.Shape}, but {new Shape(full)} is needed, where any axis but the last may be 1.");
    }
}
