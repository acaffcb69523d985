using GpuTransformer.Host;
using GpuTransformer.Kernels;
using GpuTransformer.Validation;

namespace GpuTransformer.Tests.Host;

/// <summary>Which lengths and widths a <see cref="HiddenNumberCase"/> draws.</summary>
internal enum HiddenCaseSize
{
    /// <summary>Up to 90 queries and 150 keys, so several tiles of each.</summary>
    Ordinary,

    /// <summary>For the simulator, which runs each thread of a GPU as one of the processor's.</summary>
    Tiny,

    /// <summary>What the tensor cores take: heads of width 64, no dropout.</summary>
    TensorCore,

    /// <summary>Both.</summary>
    TinyTensorCore,
}

/// <summary>The numbers and rules of one <see cref="HiddenNumberCase"/>, drawn at random.</summary>
internal sealed class HiddenArrays
{
    private readonly Random _random;
    private readonly DType _dtype;
    private readonly ScoreOptions _options;
    private readonly Shape _queryShape, _keyShape, _valueShape;
    private readonly Shape? _maskShape, _biasShape;
    private readonly bool[]? _keyMask, _mask;
    private readonly float[]? _bias, _slopes;
    private readonly int _batch;

    public HiddenArrays(Random random, HidingWay way, DType dtype, HiddenCaseSize size)
    {
        _random = random;
        _dtype = dtype;
        bool tiny =
            size is HiddenCaseSize.Tiny or HiddenCaseSize.TinyTensorCore, tensorCore = size is HiddenCaseSize.TensorCore or HiddenCaseSize.TinyTensorCore;
        int keyValueHeads = random.Next(1, 3), heads = keyValueHeads * random.Next(1, tiny ? 2 : 4), free = Chance(0.25) ? random.Next(1, 4) : 0;
        int queries = random.Next(1, tiny ? 9 : 90), keys = free + random.Next(1, tiny ? 12 : 147);
        if (way is HidingWay.CausalBottomRight or HidingWay.Window && Chance(0.7))
            keys = free + queries + random.Next(0, 9);
        int[] widths = tiny ? [1, 4, 7] : [1, 7, 16, 24, 40, 64, 80];
        int headDim = tensorCore ? 64 : widths[random.Next(widths.Length)], valueDim = tensorCore || Chance(0.6) ? headDim : widths[random.Next(widths.Length)];
        bool headMajor = Chance(0.5);
        _batch = random.Next(1, 3);
        _options = new ScoreOptions
        {
            Heads = heads,
            KeyValueHeads = keyValueHeads,
            Grouping = Chance(0.5) ? HeadGrouping.Blocks : HeadGrouping.Modulo,
            Layout = headMajor ? AttentionLayout.HeadMajor : AttentionLayout.SequenceMajor,
            Causal = way == HidingWay.CausalTopLeft ? CausalAlignment.TopLeft : way == HidingWay.CausalBottomRight
                || Chance(0.15) ? CausalAlignment.BottomRight : CausalAlignment.None,
            Window = way == HidingWay.Window || Chance(0.1) ? random.Next(0, Math.Max(1, keys)) : null,
            SoftClamp = Chance(0.2) ? 3f : null,
            FreeColumns = free,
            Scale = Chance(0.2) ? 3f : null,
            Dropout = !tensorCore && Chance(0.3) ? 0.3f : 0f,
            DropoutSeed = 1,
            DropoutStream = 2,
        };
        (_queryShape, _keyShape, _valueShape) = (Rows(heads, queries, headDim), Rows(keyValueHeads, keys, headDim), Rows(keyValueHeads, keys, valueDim));
        int columns = keys - free;
        _keyMask = way is HidingWay.KeyMask or HidingWay.LeftPadding or HidingWay.RightPadding || Chance(0.1) ? KeyMask(way, columns) : null;
        if (way == HidingWay.Mask || Chance(0.1))
        {
            _maskShape = Broadcast(heads, queries, columns);
            _mask = Draw(_maskShape.Value.Count, () => Chance(0.7));
        }

        if (way == HidingWay.InfiniteBias || Chance(0.15))
        {
            _biasShape = Broadcast(heads, queries, columns);
            _bias = Draw(_biasShape.Value.Count, () => way == HidingWay.InfiniteBias && Chance(0.3) ? float.NegativeInfinity : Number());
        }

        _slopes = Chance(0.2) ? Draw(heads, () => random.Next(2) * 0.25f) : null;
        Shape = AttentionGeometry.Shape(_options, _queryShape, _keyShape, _valueShape);
        Rules = AttentionGeometry.Rules(_options, Shape, _maskShape, _biasShape, null);
        (QueryNumbers, KeyNumbers, ValueNumbers) = (Draw(_queryShape.Count, Number), Draw(_keyShape.Count, Number), Draw(_valueShape.Count, Number));
        GradientNumbers = Draw(Shape.Batch * Shape.OutputBatchStride, Number);
        Inputs = new AttentionInputs<float>(QueryNumbers, KeyNumbers, ValueNumbers) { KeyMask = _keyMask, Mask = _mask, Bias = _bias, Slopes = _slopes };
    }

    public AttentionShape Shape { get; }

    public AttentionRules Rules { get; }

    public AttentionInputs<float> Inputs { get; }

    public float[] QueryNumbers { get; }

    public float[] KeyNumbers { get; }

    public float[] ValueNumbers { get; }

    public float[] GradientNumbers { get; }

    public int BiasCount => _bias?.Length ?? 0;

    public float BiasAt(int batch, int head, int query, int key) => _bias is null ? 0f : _bias[AttentionReference.BiasIndex(Rules, batch, head, query, key)];

    public Tensor Query(ComputeDevice device, float[] numbers) => Tensor.From(device, _queryShape, numbers, _dtype);

    public Tensor Key(ComputeDevice device, float[] numbers) => Tensor.From(device, _keyShape, numbers, _dtype);

    public Tensor Value(ComputeDevice device, float[] numbers) => Tensor.From(device, _valueShape, numbers, _dtype);

    public ScoreOptions Options(ComputeDevice device) => _options with
    {
        KeyMask = _keyMask is null ? null : Tensor.From(device, [_batch, Shape.Keys - _options.FreeColumns], _keyMask),
        Mask = _mask is null ? null : Tensor.From(device, _maskShape!.Value, _mask),
        Bias = _bias is null ? null : Tensor.From(device, _biasShape!.Value, _bias),
        AlibiSlopes = _slopes is null ? null : Tensor.From(device, [_options.Heads], _slopes),
    };

    public override string ToString()
        => $"{_batch}x{Shape.Heads}h/{Shape.KeyValueHeads} {_options.Grouping} {Shape.Queries}x{Shape.Keys} width {Shape.HeadDim}/{Shape.ValueDim} causal "
            + $"{_options.Causal} window {_options.Window} "
            + $"{_options.FreeColumns} free, dropout {_options.Dropout}, clamp {_options.SoftClamp}, mask {_maskShape}, bias "
            + $"{_biasShape}{(_keyMask is null ? "" : ", key mask")}{(_slopes is null ? "" : ", alibi")}";

    private bool[] KeyMask(HidingWay way, int columns)
    {
        bool[] flags = Draw(_batch * columns, () => way != HidingWay.KeyMask || Chance(0.6));
        for (int b = 0; b < _batch; b++)
        {
            int padding = _random.Next(columns + 1);
            if (way == HidingWay.LeftPadding)
                flags.AsSpan(b * columns, padding).Clear();
            if (way == HidingWay.RightPadding)
                flags.AsSpan((b + 1) * columns - padding, padding).Clear();
        }

        return flags;
    }

    private Shape Rows(int heads, int rows, int width)
        => _options.Layout == AttentionLayout.HeadMajor ? [_batch, heads, rows, width] : [_batch, rows, heads * width];

    private Shape Broadcast(int heads, int queries, int columns) => [Chance(0.5) ? _batch : 1, Chance(0.5) ? heads : 1, Chance(0.7) ? queries : 1, columns];

    private bool Chance(double probability) => _random.NextDouble() < probability;

    private float Number() => FloatConversion.Round(_random.NextSingle() * 2f - 1f, _dtype);

    private static T[] Draw<T>(long count, Func<T> draw)
    {
        var values = new T[count];
        for (int i = 0; i < values.Length; i++)
            values[i] = draw();
        return values;
    }
}
