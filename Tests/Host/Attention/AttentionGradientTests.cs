using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host;

/// <summary>Attention on the tape against finite differences, rule by rule, and all of them together.</summary>
[TestClass]
public sealed class AttentionGradientTests
{
    private const int Queries = 3, Keys = 5, Heads = 2, HeadDim = 3, ValueDim = 2;

    private static readonly ScoreOptions s_twoHeads = new() { Heads = Heads };

    [TestMethod]
    [DeviceRows(1f), DeviceRows(0.3f)]
    public void More_keys_than_queries_and_values_of_another_width(string id, float scale) => Check(id, _ => s_twoHeads with { Scale = scale });

    [TestMethod]
    [DeviceRows(CausalAlignment.BottomRight, null), DeviceRows(CausalAlignment.TopLeft, null), DeviceRows(CausalAlignment.BottomRight, 1),
        DeviceRows(CausalAlignment.None, 2)]
    public void Causality_and_windows(string id, CausalAlignment causal, int? window) => Check(id, _ => s_twoHeads with { Causal = causal, Window = window });

    // The second query of the first head sees nothing.
    [TestMethod]
    [DeviceRows]
    public void Masks_with_a_query_that_sees_no_key(string id)
    {
        bool[] keyMask = [true, true, false, true, true],
            mask = [.. Enumerable.Range(0, Heads * Queries * Keys).Select(static n => n is < Keys or >= 2 * Keys && n % 4 != 1)];
        Check(id, device => s_twoHeads with { KeyMask = Tensor.From(device, [1, Keys], keyMask), Mask = Tensor.From(device, [1, Heads, Queries, Keys], mask) });
    }

    [TestMethod]
    [DeviceRows(false, 0), DeviceRows(true, 0), DeviceRows(false, 2)]
    public void Alibi_and_soft_clamp(string id, bool clamped, int freeColumns)
        => Check(
            id,
            device => s_twoHeads with { AlibiSlopes = Tensor.From(device, [Heads], [0.5f, 0.2f]), SoftClamp = clamped ? 2f : null, FreeColumns = freeColumns });

    [TestMethod]
    [DeviceRows]
    public void Alibi_with_positions(string id)
        => Check(
            id,
            device => s_twoHeads with { AlibiSlopes = Tensor.From(device, [Heads], [0.5f, 0.2f]),
                AlibiPositions = Tensor.From(device, [1, 1, Queries], [0f, 2f, 3f]), FreeColumns = Keys - Queries });

    // Tables that end before the distances do, and one that has an entry for more.
    [TestMethod]
    [DeviceRows(3, 2, 0), DeviceRows(2, 0, 1), DeviceRows(9, 6, 0), DeviceRows(4, -1, 2)]
    public void A_bias_by_distance(string id, int span, int origin, int freeColumns)
        => GradientCheck.Agrees(
            TestDevices.Get(id),
            x => Operators.Attention(x[0], x[1], x[2], s_twoHeads with { DistanceBias = x[3], DistanceOrigin = origin, FreeColumns = freeColumns }),
            Input([2, Queries, Heads * HeadDim], 1),
            Input([2, Keys, Heads * HeadDim], 2),
            Input([2, Keys, Heads * ValueDim], 3),
            Input([Heads, span], 4));

    // How many heads and queries the bias tells apart.
    [TestMethod]
    [DeviceRows(Heads, Queries), DeviceRows(1, Queries), DeviceRows(Heads, 1), DeviceRows(1, 1)]
    public void An_additive_bias_of_any_shape(string id, int heads, int queries)
        => GradientCheck.Agrees(
            TestDevices.Get(id),
            x => Operators.Attention(x[0], x[1], x[2], s_twoHeads with { Bias = x[3] }),
            Input([1, Queries, Heads * HeadDim], 1),
            Input([1, Keys, Heads * HeadDim], 2),
            Input([1, Keys, Heads * ValueDim], 3),
            Input([1, heads, queries, Keys], 4));

    [TestMethod]
    [DeviceRows(4, 2, HeadGrouping.Modulo), DeviceRows(4, 2, HeadGrouping.Blocks), DeviceRows(2, 1, HeadGrouping.Modulo)]
    public void Query_heads_that_share_a_key_head(string id, int heads, int keyValueHeads, HeadGrouping grouping)
        => GradientCheck.Agrees(
            TestDevices.Get(id),
            x => Operators.Attention(
                x[0], x[1], x[2], new ScoreOptions { Heads = heads, KeyValueHeads = keyValueHeads, Grouping = grouping, Layout = AttentionLayout.HeadMajor }),
            Input([2, heads, 2, HeadDim], 5),
            Input([2, keyValueHeads, 3, HeadDim], 6),
            Input([2, keyValueHeads, 3, ValueDim], 7));

    [TestMethod]
    [DeviceRows]
    public void Everything_at_once(string id)
        => GradientCheck.Agrees(
            TestDevices.Get(id),
            x => Operators.Attention(x[0], x[1], x[2], new ScoreOptions
            {
                Heads = Heads,
                KeyValueHeads = 1,
                Causal = CausalAlignment.BottomRight,
                Window = 2,
                SoftClamp = 3f,
                FreeColumns = 1,
                Bias = x[3],
                AlibiSlopes = Tensor.From(x[0].Device, [Heads], [0.5f, 0.2f]),
                KeyMask = Tensor.From(x[0].Device, [1, Keys - 1], [true, false, true, true]),
            }),
            Input([1, Queries, Heads * HeadDim], 8),
            Input([1, Keys, HeadDim], 9),
            Input([1, Keys, ValueDim], 10),
            Input([1, Heads, Queries, Keys - 1], 11));

    [TestMethod]
    [DeviceRows]
    public void Both_biases_and_everything_else_at_once(string id)
        => GradientCheck.Agrees(
            TestDevices.Get(id),
            x => Operators.Attention(x[0], x[1], x[2], new ScoreOptions
            {
                Heads = Heads,
                KeyValueHeads = 1,
                Causal = CausalAlignment.TopLeft,
                Window = 3,
                SoftClamp = 3f,
                FreeColumns = 1,
                Bias = x[3],
                DistanceBias = x[4],
                DistanceOrigin = 2,
                KeyMask = Tensor.From(x[0].Device, [1, Keys - 1], [true, false, true, true]),
                Mask = Tensor.From(x[0].Device, [1, 1, Queries, Keys - 1], [.. Enumerable.Range(0, Queries * (Keys - 1)).Select(static n => n != 6)]),
                Dropout = 0.2f,
            }),
            Input([1, Queries, Heads * HeadDim], 8),
            Input([1, Keys, HeadDim], 9),
            Input([1, Keys, ValueDim], 10),
            Input([1, Heads, Queries, Keys - 1], 11),
            Input([Heads, 3], 12));

    // The same seed and stream draw the same mask for every step of the comparison.
    [TestMethod]
    [DeviceRows(CausalAlignment.None), DeviceRows(CausalAlignment.BottomRight)]
    public void Dropout(string id, CausalAlignment causal)
        => Check(id, _ => s_twoHeads with { Causal = causal, Dropout = 0.4f, DropoutSeed = 7, DropoutStream = 8 });

    private static void Check(string id, Func<ComputeDevice, ScoreOptions> options)
    {
        ComputeDevice device = TestDevices.Get(id);
        GradientCheck.Agrees(
            device,
            x => Operators.Attention(x[0], x[1], x[2], options(device)),
            Input([1, Queries, Heads * HeadDim], 1),
            Input([1, Keys, Heads * HeadDim], 2),
            Input([1, Keys, Heads * ValueDim], 3));
    }

    private static (Shape Shape, float[] Values) Input(Shape shape, int seed) => (shape, GradientCheck.Values(checked((int)shape.Count), seed));
}
