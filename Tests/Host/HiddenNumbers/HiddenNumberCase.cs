using System.Globalization;
using GpuTransformer.Host;
using GpuTransformer.Kernels;
using GpuTransformer.Validation;

namespace GpuTransformer.Tests.Host;

/// <summary>How a case hides positions; other rules come on top at random.</summary>
internal enum HidingWay
{
    KeyMask,
    LeftPadding,
    RightPadding,
    Mask,
    CausalTopLeft,
    CausalBottomRight,
    Window,
    InfiniteBias,
}

/// <summary>Where a case puts the numbers that must not be seen.</summary>
internal enum HiddenPlace
{
    Keys,
    Values,
    KeysAndValues,
    QueriesAndGradients,
}

/// <summary>
/// One attention call whose hidden positions hold NaN, ±∞ or 3e38, beside the same call with zeros there: whatever does not see them must have the same bits,
/// forward and backward. A pair (query, key) is hidden or not; a query is bad when it sees a poisoned key, or is poisoned and sees anything, and a key's
/// gradient may differ only where a bad query sees that key.
/// </summary>
internal sealed class HiddenNumberCase
{
    private static readonly float[] s_poisons = [float.NaN, float.PositiveInfinity, float.NegativeInfinity, 3e38f];
    private readonly Random _random;
    private readonly HidingWay _way;
    private readonly HiddenPlace _place;
    private readonly float _poison;
    private readonly DType _dtype;
    private readonly HiddenArrays _arrays;
    private readonly bool[] _poisonedKeys;    // [batch, keyValueHeads, keys]
    private readonly bool[] _poisonedQueries; // [batch, heads, queries]
    private readonly int[][] _seen;           // [batch, heads, queries] the keys that each query sees

    /// <param name="number">Which case: 128 in a row have every way, place and number.</param>
    /// <param name="dtype">How query, key and value are stored.</param>
    /// <param name="size">Which lengths and widths are drawn.</param>
    public HiddenNumberCase(int number, DType dtype, HiddenCaseSize size)
    {
        _random = new Random(number);
        _way = (HidingWay)(number % 8);
        _place = (HiddenPlace)(number / 8 % 4);
        _poison = s_poisons[number / 32 % 4];
        _dtype = dtype;
        _arrays = new HiddenArrays(_random, _way, dtype, size);
        _seen = [.. AttentionReference.Rows(Shape).Select(r => Seen(r.Batch, r.Head, r.Query))];
        _poisonedKeys = new bool[Shape.Batch * Shape.KeyValueHeads * Shape.Keys];
        _poisonedQueries = new bool[_seen.Length];
        if (_place == HiddenPlace.QueriesAndGradients)
            PoisonQueries();
        else
            PoisonKeys();
        Bad = [.. AttentionReference.Rows(Shape).Select((r, n) => _seen[n].Length > 0
            && (_poisonedQueries[n] || _seen[n].Any(j => _poisonedKeys[KeyRow(r.Batch, r.Head, j)])))];
    }

    /// <summary>How many numbers were compared by the last call of <see cref="Differences"/>.</summary>
    public long Compared { get; private set; }

    private AttentionShape Shape => _arrays.Shape;

    // [batch, heads, queries]
    private bool[] Bad { get; }

    /// <summary>What differs between the two calls and should not, by output; empty where all is well.</summary>
    public string Differences(ComputeDevice device)
    {
        (string Name, float[] Values)[] clean = Compute(device, 0f), poisoned = Compute(device, _poison);
        (string Name, bool[] Compared)[] masks =
        [
            ("output", OutputMask()), ("logSumExp", RowMask()), ("dQ", QueryMask()), ("dK", KeyMask(false)), ("dV", KeyMask(true)), ("dBias", BiasMask()),
        ];
        var differences = new List<string>();
        Compared = 0;
        for (int n = 0; n < clean.Length; n++)
        {
            bool[] compared = masks.Single(m => m.Name == clean[n].Name).Compared;
            Compared += compared.LongCount(static c => c);
            int different = Enumerable.Range(0, compared.Length).Count(i => compared[i] && clean[n].Values[i] != poisoned[n].Values[i]);
            if (different > 0)
                differences.Add(string.Create(CultureInfo.InvariantCulture, $"{different} of {clean[n].Name}"));
        }

        return string.Join(", ", differences);
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{_way}, {_poison} in {_place}, {_dtype}: {_arrays}");

    private (string Name, float[] Values)[] Compute(ComputeDevice device, float poison)
    {
        using StepScope scope = device.BeginStep();
        bool keys = _place is HiddenPlace.Keys or HiddenPlace.KeysAndValues, values = _place is HiddenPlace.Values or HiddenPlace.KeysAndValues;
        Tensor query = _arrays.Query(device, Poison(_arrays.QueryNumbers, _poisonedQueries, Shape.HeadDim, poison, QueryStart));
        Tensor key = _arrays.Key(device, keys ? Poison(_arrays.KeyNumbers, _poisonedKeys, Shape.HeadDim, poison, KeyStart) : _arrays.KeyNumbers);
        Tensor value = _arrays.Value(device, values ? Poison(_arrays.ValueNumbers, _poisonedKeys, Shape.ValueDim, poison, ValueStart) : _arrays.ValueNumbers);
        Tensor logSumExp = Tensor.Empty(
            device, [Shape.Batch, Shape.Heads, Shape.Queries]), normalizer = Tensor.Empty(device, AttentionGeometry.Normalizer(Shape));
        ScoreOptions options = _arrays.Options(device);
        Tensor output = Operators.Attention(query, key, value, options, logSumExp, normalizer);
        Tensor gradient = Tensor.From(device, output.Shape, Poison(_arrays.GradientNumbers, _poisonedQueries, Shape.ValueDim, poison, OutputStart), _dtype);
        AttentionGradients gradients = Operators.AttentionBackward(gradient, query, key, value, output, normalizer, options, options.Bias is not null);
        List<(string Name, float[] Values)> results =
        [
            ("output", output.ToArray()), ("logSumExp", logSumExp.ToArray()), ("dQ", gradients.Query.ToArray()), ("dK", gradients.Key.ToArray()),
            ("dV", gradients.Value.ToArray()),
        ];
        if (gradients.Bias is { } bias)
            results.Add(("dBias", bias.ToArray()));
        return [.. results];
    }

    // Every second poisoned row is so in one element only.
    private static float[] Poison(float[] numbers, bool[] rows, int width, float poison, Func<int, long> start)
    {
        float[] poisoned = [.. numbers];
        for (int row = 0; row < rows.Length; row++)
        {
            for (int c = 0; rows[row] && c < width; c++)
            {
                if (row % 2 == 0 || c == row % width)
                    poisoned[start(row) + c] = poison;
            }
        }

        return poisoned;
    }

    private int[] Seen(int batch, int head, int query) =>
    [
        .. AttentionReference.VisibleKeys(Shape, _arrays.Rules, _arrays.Inputs, batch, head, query)
            .Where(j => j < _arrays.Rules.FreeColumns || !float.IsNegativeInfinity(_arrays.BiasAt(batch, head, query, j))),
    ];

    // Keys that nobody sees, all of them, and a few that not everybody sees.
    private void PoisonKeys()
    {
        int queries = Shape.Heads / Shape.KeyValueHeads * Shape.Queries;
        var seenBy = new int[_poisonedKeys.Length];
        int n = 0;
        foreach ((int b, int h, int i) in AttentionReference.Rows(Shape))
        {
            foreach (int j in _seen[n++])
                seenBy[KeyRow(b, h, j)]++;
        }

        for (int row = 0; row < seenBy.Length; row++)
            _poisonedKeys[row] = seenBy[row] == 0;
        int[] partly = [.. Enumerable.Range(0, seenBy.Length).Where(row => seenBy[row] > 0 && seenBy[row] < queries)];
        for (int extra = _random.Next(3); extra > 0 && partly.Length > 0; extra--)
            _poisonedKeys[partly[_random.Next(partly.Length)]] = true;
    }

    // Queries that see nothing, and a few others.
    private void PoisonQueries()
    {
        for (int row = 0; row < _seen.Length; row++)
            _poisonedQueries[row] = _seen[row].Length == 0;
        for (int extra = _random.Next(3); extra > 0; extra--)
            _poisonedQueries[_random.Next(_seen.Length)] = true;
    }

    private bool[] RowMask() => Array.ConvertAll(Bad, static bad => !bad);

    private bool[] OutputMask() => ByRow((long)Shape.Batch * Shape.OutputBatchStride, OutputStart, Shape.ValueDim);

    private bool[] QueryMask() => ByRow((long)Shape.Batch * Shape.QueryBatchStride, QueryStart, Shape.HeadDim);

    private bool[] ByRow(long count, Func<int, long> start, int width)
    {
        var mask = new bool[count];
        for (int row = 0; row < Bad.Length; row++)
            mask.AsSpan((int)start(row), width).Fill(!Bad[row]);
        return mask;
    }

    private bool[] KeyMask(bool values)
    {
        var mask = new bool[values ? Shape.Batch * Shape.ValueBatchStride : Shape.Batch * Shape.KeyBatchStride];
        Array.Fill(mask, true);
        int n = 0;
        foreach ((int b, int h, int _) in AttentionReference.Rows(Shape))
        {
            foreach (int j in Bad[n] ? _seen[n] : [])
            {
                long start = values ? Shape.ValueOffset(b, h, j) : Shape.KeyOffset(b, h, j);
                mask.AsSpan((int)start, values ? Shape.ValueDim : Shape.HeadDim).Clear();
            }

            n++;
        }

        return mask;
    }

    private bool[] BiasMask()
    {
        var mask = new bool[_arrays.BiasCount];
        Array.Fill(mask, true);
        int n = 0;
        foreach ((int b, int h, int i) in AttentionReference.Rows(Shape))
        {
            foreach (int j in mask.Length > 0 && Bad[n] ? _seen[n].Where(j => j >= _arrays.Rules.FreeColumns) : [])
                mask[AttentionReference.BiasIndex(_arrays.Rules, b, h, i, j)] = false;
            n++;
        }

        return mask;
    }

    private int KeyRow(int batch, int head, int key) => ((batch * Shape.KeyValueHeads) + Shape.KeyValueHead(head)) * Shape.Keys + key;

    private (int Batch, int Head, int Query) Row(int row) => (row / Shape.Queries / Shape.Heads, row / Shape.Queries % Shape.Heads, row % Shape.Queries);

    private long QueryStart(int row) => Shape.QueryOffset(Row(row).Batch, Row(row).Head, Row(row).Query);

    private long OutputStart(int row) => Shape.OutputOffset(Row(row).Batch, Row(row).Head, Row(row).Query);

    private long KeyStart(int row)
        => (row / Shape.Keys / Shape.KeyValueHeads * Shape.KeyBatchStride) + (
            row / Shape.Keys % Shape.KeyValueHeads * Shape.KeyHeadStride) + (row % Shape.Keys * Shape.KeyRowStride);

    private long ValueStart(int row)
        => (row / Shape.Keys / Shape.KeyValueHeads * Shape.ValueBatchStride) + (
            row / Shape.Keys % Shape.KeyValueHeads * Shape.ValueHeadStride) + (row % Shape.Keys * Shape.ValueRowStride);
}
