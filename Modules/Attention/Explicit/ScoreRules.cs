using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>What <see cref="ScoreOptions"/> adds to scores and which keys it hides, as tensors that are broadcast to them.</summary>
/// <param name="Bias">float32, added to the scaled scores; null for none.</param>
/// <param name="Visible">bool: true where a query sees a key; null for everywhere.</param>
internal sealed record ScoreRules(Tensor? Bias, Tensor? Visible)
{
    /// <summary>The rules of one call.</summary>
    public static ScoreRules Of(ScoreOptions options, ComputeDevice device, int batch, int queries, int keys)
    {
        int free = options.FreeColumns, own = keys - free;
        Tensor? bias = options.Bias?.As(DType.Float32), visible = null;
        if (bias is not null)
            visible = Operators.Greater(bias, float.NegativeInfinity);
        if (options.AlibiSlopes is { } slopes)
        {
            Tensor alibi = Alibi(slopes, options.AlibiPositions, queries, own);
            bias = bias is null ? alibi : bias + alibi;
        }

        if (options.DistanceBias is { } table)
        {
            Tensor distances = Distances(table, options.DistanceOrigin, queries, own);
            visible = And(visible, Operators.Greater(distances, float.NegativeInfinity));
            bias = bias is null ? distances : bias + distances;
        }

        if (options.KeyMask is { } keyMask)
            visible = And(visible, keyMask.Reshape([batch, 1, 1, own]));
        visible = And(visible, options.Mask);
        if (visible is not null && free > 0)
            visible = BehindVisible(visible.Expand([.. visible.Shape.Lengths[..^1], own]), free);
        return new ScoreRules(bias is null ? null : BehindZeros(bias, free), And(visible, Range(options, device, queries, keys)));
    }

    /// <summary>Flags with <paramref name="count"/> true ones before them.</summary>
    public static Tensor BehindVisible(Tensor flags, int count)
        => count == 0 ? flags : Operators.Concatenate([Tensor.From(flags.Device, [1], [true]).Expand(Before(flags, count)), flags], -1);

    /// <summary>The scores, but what is hidden as low as a number can be: a softmax gives it nothing.</summary>
    public static Tensor Lowest(Tensor? visible, Tensor scores)
        => visible is null ? scores : Operators.Where(visible, scores, float.MinValue);

    /// <summary>The weights, but zero where hidden: so a query that sees no key has none at all.</summary>
    public static Tensor Only(Tensor? visible, Tensor weights)
        => visible is null ? weights : Operators.Where(visible, weights, 0f);

    /// <summary>The weights, but zero for a query that sees no key.</summary>
    public Tensor OnlyLiving(Tensor weights)
    {
        if (Visible is null)
            return weights;
        Tensor one = Tensor.From(weights.Device, [1], [1f]);
        return Only(Operators.Where(Visible, one, 0f).Max(-1, keepDim: true) > 0f, weights);
    }

    /// <summary>Numbers for the keys that are not free, with zeros before them for those that are.</summary>
    public static Tensor BehindZeros(Tensor bias, int count)
        => count == 0 ? bias : Operators.Concatenate([Tensor.Zeros(bias.Device, Before(bias, count)), bias], -1);

    private static Shape Before(Tensor tensor, int count) => [.. tensor.Shape.Lengths[..^1], count];

    // −slope · |key's position − query's position|; without positions of their own, the last query stands at the last key.
    private static Tensor Alibi(Tensor slopes, Tensor? positions, int queries, int keys)
    {
        Tensor key, query;
        if (positions is not null)
        {
            (int batch, int heads) = (positions.Shape[0], positions.Shape[1]);
            key = positions.Reshape([batch, heads, 1, keys]);
            query = positions.Reshape([batch, heads, queries, 1]);
        }
        else
        {
            key = Counted(slopes.Device, 0, keys).Reshape([1, 1, 1, keys]);
            query = Counted(slopes.Device, keys - queries, queries).Reshape([1, 1, queries, 1]);
        }

        return Operators.Abs(key - query) * -slopes.Reshape([1, (int)slopes.Shape.Count, 1, 1]);
    }

    // The table's entry for each pair, beyond its ends the last one there; the last query stands at the last key.
    private static Tensor Distances(Tensor table, int origin, int queries, int keys)
    {
        (int heads, int span) = (table.Shape[0], table.Shape[1]);
        int[] entries = [.. Enumerable.Range(0, queries * keys).Select(
            n => (int)Math.Clamp((long)origin + n % keys - (n / keys + keys - queries), 0L, span - 1L))];
        return Operators.IndexSelect(table, 1, Tensor.From(table.Device, [entries.Length], entries)).Reshape([1, heads, queries, keys]);
    }

    private static Tensor Counted(ComputeDevice device, int first, int count)
        => Tensor.From(device, [count], [.. Enumerable.Range(first, count).Select(static n => (float)n)]);

    // Causality and the window.
    private static Tensor? Range(ScoreOptions options, ComputeDevice device, int queries, int keys)
    {
        int offset = keys - queries;
        int? last = options.Causal switch { CausalAlignment.BottomRight => offset, CausalAlignment.TopLeft => 0, _ => null };
        if (last is null && options.Window is null)
            return null;
        var flags = new bool[queries * keys];
        for (int i = 0; i < queries; i++)
        {
            for (int j = 0; j < keys; j++)
                flags[i * keys + j] = j < options.FreeColumns
                    || ((last is null || j <= i + last) && (options.Window is null || i + offset - j <= options.Window));
        }

        return Tensor.From(device, [queries, keys], flags);
    }

    /// <summary>Both flags; where one is absent, the other.</summary>
    public static Tensor? And(Tensor? a, Tensor? b)
    {
        if (a is null || b is null)
            return a ?? b;
        return Operators.Where(a, Operators.Where(b, Tensor.From(a.Device, [1], [1f]), 0f), 0f) > 0f;
    }
}
