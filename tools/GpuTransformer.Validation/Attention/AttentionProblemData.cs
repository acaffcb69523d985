using System.Numerics;
using GpuTransformer.Host;
using GpuTransformer.Kernels;

namespace GpuTransformer.Validation;

/// <summary>The numbers of one <see cref="AttentionProblem"/>: on the host for the oracle, on a device for the kernels.</summary>
internal sealed class AttentionProblemData
{
    private readonly AttentionProblem _problem;
    private readonly CaseData _data;
    private readonly Shape _queryShape;
    private readonly Shape _keyShape;
    private readonly Shape _valueShape;
    private readonly float[] _query;
    private readonly float[] _key;
    private readonly float[] _value;
    private readonly bool[]? _keyMask;
    private readonly Shape? _maskShape;
    private readonly bool[]? _mask;
    private readonly Shape? _biasShape;
    private readonly float[]? _bias;
    private readonly float[]? _slopes;
    private readonly Shape? _positionShape;
    private readonly float[]? _positions;
    private readonly float[]? _distances;

    public AttentionProblemData(AttentionProblem problem, int seed, DType dtype)
    {
        _problem = problem;
        AttentionProblem p = problem;
        int key = CaseData.Seed(seed, p.Queries, p.Keys, p.HeadDim, p.ValueDim);
        _data = new CaseData(key, dtype);

        // Rules are float32 whatever the storage.
        var rules = new CaseData(key + 1, DType.Float32);
        int columns = p.Keys - p.FreeColumns;
        (_queryShape, _keyShape, _valueShape) = (
            Rows(p.Heads, p.Queries, p.HeadDim), Rows(p.KeyValueHeads, p.Keys, p.HeadDim), Rows(p.KeyValueHeads, p.Keys, p.ValueDim));
        (_query, _key, _value) = (_data.Uniform(_queryShape.Count, 2f), _data.Uniform(_keyShape.Count, 2f), _data.Uniform(_valueShape.Count));
        if (p.KeyMask)
            _keyMask = KeyMask(rules, columns);
        if (p.Mask is { } mask)
            (_maskShape, _mask) = (Broadcast(mask, columns), rules.Flags(Broadcast(mask, columns).Count, 0.6));
        if (p.Bias is { } bias)
            (_biasShape, _bias) = (Broadcast(bias, columns), Bias(rules, Broadcast(bias, columns)));
        if (p.Alibi)
            _slopes = [.. Enumerable.Range(0, p.Heads).Select(h => h % 3 == 1 ? 0f : MathF.Pow(2f, -1f - h))];
        if (p.AlibiPositions is { } axes)
        {
            _positionShape = [axes.HasFlag(AttentionAxes.Batch) ? p.Batch : 1, axes.HasFlag(AttentionAxes.Head) ? p.Heads : 1, columns];
            _positions = rules.Uniform(_positionShape.Value.Count, 10f);
        }

        if (p.Distances is { } span)
            _distances = rules.Uniform((long)p.Heads * span, 2f);
        if (_distances is not null && p.ExtremeBias == ExtremeBias.Infinite)
            _distances[p.DistanceOrigin] = float.NegativeInfinity;

        Shape = AttentionGeometry.Shape(Options(null), _queryShape, _keyShape, _valueShape);
        Rules = AttentionGeometry.Rules(Options(null), Shape, _maskShape, _biasShape, _positionShape, p.Distances is { } entries ? [p.Heads, entries] : null);
        if (p.HiddenNumbers)
            PutHiddenNumbers();
    }

    public AttentionShape Shape { get; }

    public AttentionRules Rules { get; }

    public Tensor Query(ComputeDevice device) => Tensor.From(device, _queryShape, _query, _data.DType);

    public Tensor Key(ComputeDevice device) => Tensor.From(device, _keyShape, _key, _data.DType);

    public Tensor Value(ComputeDevice device) => Tensor.From(device, _valueShape, _value, _data.DType);

    /// <summary>The options with their arrays uploaded, or without arrays where there is no device.</summary>
    public ScoreOptions Options(ComputeDevice? device) => new()
    {
        Heads = _problem.Heads,
        KeyValueHeads = _problem.KeyValueHeads,
        Grouping = _problem.Grouping,
        Layout = _problem.Layout,
        Scale = _problem.Scale,
        Causal = _problem.Causal,
        Window = _problem.Window,
        SoftClamp = _problem.SoftClamp,
        FreeColumns = _problem.FreeColumns,
        Dropout = _problem.Dropout,
        DropoutSeed = 0x123456789abcdef0,
        DropoutStream = 0xfedcba9876543210,
        KeyMask = device is null || _keyMask is null ? null : Tensor.From(device, [_problem.Batch, _problem.Keys - _problem.FreeColumns], _keyMask),
        Mask = device is null || _mask is null ? null : Tensor.From(device, _maskShape!.Value, _mask),
        Bias = device is null || _bias is null ? null : Tensor.From(device, _biasShape!.Value, _bias),
        AlibiSlopes = device is null || _slopes is null ? null : Tensor.From(device, [_problem.Heads], _slopes),
        AlibiPositions = device is null || _positions is null ? null : Tensor.From(device, _positionShape!.Value, _positions),
        DistanceBias = device is null || _distances is null ? null : Tensor.From(device, [_problem.Heads, _problem.Distances!.Value], _distances),
        DistanceOrigin = _problem.DistanceOrigin,
    };

    /// <summary>What the oracle reads.</summary>
    public AttentionInputs<T> Inputs<T>()
        where T : IFloatingPointIeee754<T>
        => new(CaseData.Convert<T>(_query), CaseData.Convert<T>(_key), CaseData.Convert<T>(_value))
        {
            KeyMask = _keyMask,
            Mask = _mask,
            Bias = _bias is null ? null : CaseData.Convert<T>(_bias),
            Slopes = _slopes is null ? null : CaseData.Convert<T>(_slopes),
            Positions = _positions is null ? null : CaseData.Convert<T>(_positions),
            Distances = _distances is null ? null : CaseData.Convert<T>(_distances),
        };

    /// <inheritdoc cref="CaseData.Expect"/>
    public Expected Expect(string output, double[] exact, float[] plain) => _data.Expect(output, exact, plain);

    private Shape Rows(int heads, int rows, int width) => _problem.Layout == AttentionLayout.HeadMajor
        ? [_problem.Batch, heads, rows, width]
        : [_problem.Batch, rows, heads * width];

    private Shape Broadcast(AttentionAxes axes, int columns) =>
    [
        axes.HasFlag(AttentionAxes.Batch) ? _problem.Batch : 1,
        axes.HasFlag(AttentionAxes.Head) ? _problem.Heads : 1,
        axes.HasFlag(AttentionAxes.Query) ? _problem.Queries : 1,
        columns,
    ];

    private float[] Bias(CaseData rules, Shape shape)
    {
        float[] bias = rules.Uniform(shape.Count, 2f);
        int columns = shape[3], rows = shape[2];
        for (int n = 0; n < bias.Length && _problem.ExtremeBias != ExtremeBias.None; n++)
        {
            int row = n / columns % rows;
            bool last = rows > 1 && row == rows - 1;
            if (_problem.ExtremeBias == ExtremeBias.Infinite)
                bias[n] = last || n % 3 == 1 ? float.NegativeInfinity : bias[n];
            else
                bias[n] = last ? (n % 2 == 0 ? -3e38f : float.MinValue) : row switch { 0 => float.MinValue, 1 => -1e30f, _ => bias[n] };
        }

        return bias;
    }

    // Where no query sees a key, and where a query sees no key.
    private void PutHiddenNumbers()
    {
        AttentionInputs<float> inputs = Inputs<float>();
        var seen = new HashSet<long>();
        foreach ((int b, int h, int i) in AttentionReference.Rows(Shape))
        {
            int[] keys = AttentionReference.VisibleKeys(Shape, Rules, inputs, b, h, i);
            seen.UnionWith(keys.Select(j => Shape.KeyOffset(b, h, j)));
            if (keys.Length == 0)
                _query.AsSpan((int)Shape.QueryOffset(b, h, i), Shape.HeadDim).Fill(float.NaN);
        }

        ReadOnlySpan<float> numbers = [float.NaN, float.PositiveInfinity, float.NegativeInfinity, FloatConversion.Round(3e38f, _data.DType)];
        foreach ((int b, int h, int j) in from b in Enumerable.Range(0, Shape.Batch) from h in Enumerable.Range(0, Shape.Heads)
            from j in Enumerable.Range(0, Shape.Keys) select (b, h, j))
        {
            if (seen.Contains(Shape.KeyOffset(b, h, j)))
                continue;
            _key.AsSpan((int)Shape.KeyOffset(b, h, j), Shape.HeadDim).Fill(numbers[j % numbers.Length]);
            _value.AsSpan((int)Shape.ValueOffset(b, h, j), Shape.ValueDim).Fill(numbers[(j + 1) % numbers.Length]);
        }
    }

    // The first batch is padded at random, the second in front, as ragged batches are; with dead rows the last batch sees nothing.
    private bool[] KeyMask(CaseData rules, int columns)
    {
        bool[] flags = rules.Flags((long)_problem.Batch * columns, 0.7);
        for (int j = 0; j < columns; j++)
        {
            if (_problem.Batch > 1)
                flags[columns + j] = j >= columns / 3;
            if (_problem.DeadRows)
                flags[((_problem.Batch - 1) * columns) + j] = false;
        }

        return flags;
    }
}
