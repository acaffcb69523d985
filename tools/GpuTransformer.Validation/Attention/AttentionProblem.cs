using System.Globalization;
using System.Text;
using GpuTransformer.Host;

namespace GpuTransformer.Validation;

/// <summary>Which axes of a mask or bias are written out; the others have length one.</summary>
[Flags]
internal enum AttentionAxes
{
    None = 0,
    Batch = 1,
    Head = 2,
    Query = 4,
    All = Batch | Head | Query,
}

/// <summary>Bias numbers at which a rule could break.</summary>
internal enum ExtremeBias
{
    None,

    /// <summary>−∞, which hides, in a third of all places and, in the last row, in all; of a table by distance, in the entry at its origin.</summary>
    Infinite,

    /// <summary>
    /// The lowest float32 in every place of the first row, −1e30 in every place of the second, −3e38 and the lowest by turns in the last: finite numbers, which
    /// hide nothing.
    /// </summary>
    Lowest,
}

/// <summary>One attention problem of the validation sweep: sizes and rules, without numbers.</summary>
internal sealed record AttentionProblem(int Queries, int Keys, int HeadDim, int ValueDim)
{
    public int Batch { get; init; } = 2;

    public int Heads { get; init; } = 2;

    public int KeyValueHeads { get; init; } = 2;

    public HeadGrouping Grouping { get; init; }

    public AttentionLayout Layout { get; init; }

    public CausalAlignment Causal { get; init; }

    public int? Window { get; init; }

    public bool KeyMask { get; init; }

    public AttentionAxes? Mask { get; init; }

    public AttentionAxes? Bias { get; init; }

    public bool Alibi { get; init; }

    public AttentionAxes? AlibiPositions { get; init; }

    /// <summary>Entries of each head's table of biases by distance; null for no table.</summary>
    public int? Distances { get; init; }

    public int DistanceOrigin { get; init; }

    public float? SoftClamp { get; init; }

    public float? Scale { get; init; }

    public int FreeColumns { get; init; }

    public float Dropout { get; init; }

    /// <summary>Some queries see no key at all.</summary>
    public bool DeadRows { get; init; }

    /// <summary>What the bias holds besides ordinary numbers.</summary>
    public ExtremeBias ExtremeBias { get; init; }

    /// <summary>
    /// Whether every log-sum-exp is of ordinary size: −1e30 or −3e38 in one row would make every row's limit absurdly wide; tests look at those instead.
    /// </summary>
    public bool ComparesLogSumExp => !DeadRows && ExtremeBias != ExtremeBias.Lowest;

    /// <summary>NaN, ±∞ and 3e38 in the keys and values that no query sees, and NaN in the queries that see nothing.</summary>
    public bool HiddenNumbers { get; init; }

    public ValidationSize Size { get; init; } = ValidationSize.Quick;

    /// <summary>Whether it is about a variant of the forward alone.</summary>
    public bool ForwardOnly { get; init; }

    /// <summary>Run in all three storage types rather than in float32 alone.</summary>
    public bool EveryType { get; init; }

    /// <summary>The sweep: every rule by itself, then together, over awkward sizes.</summary>
    public static IReadOnlyList<AttentionProblem> Sweep { get; } =
    [
        // The simulator's share: each branch of the kernel once.
        new(3, 5, 4, 4) { Size = ValidationSize.Tiny, Batch = 1 },
        new(2, 35, 17, 9) { Size = ValidationSize.Tiny, Batch = 1, Causal = CausalAlignment.BottomRight, KeyMask = true, Alibi = true, EveryType = true },
        new(5, 3, 1, 70) { Size = ValidationSize.Tiny, Batch = 1, Heads = 1, KeyValueHeads = 1, Causal = CausalAlignment.BottomRight, DeadRows = true },
        new(4, 6, 8, 5)
        {
            Size = ValidationSize.Tiny, Batch = 1, KeyValueHeads = 1, FreeColumns = 2, Mask = AttentionAxes.All, Bias = AttentionAxes.Head, Window = 1,
            SoftClamp = 2f, Layout = AttentionLayout.HeadMajor,
        },

        // The same for the tensor cores, which take bfloat16 heads of width 64: two tiles of queries and of keys, whole and not, with rows in every part of a
        // warp.
        new(82, 70, 64, 64)
        {
            Size = ValidationSize.Tiny, Batch = 1, Heads = 1, KeyValueHeads = 1, EveryType = true, Causal = CausalAlignment.BottomRight, DeadRows = true,
        },
        new(21, 70, 64, 64)
        {
            Size = ValidationSize.Tiny, Batch = 1, KeyValueHeads = 1, EveryType = true, KeyMask = true, Mask = AttentionAxes.Query, Alibi = true,
            FreeColumns = 1, Causal = CausalAlignment.BottomRight,
        },

        // Three tiles of keys and more: the buffers that are filled while others are read come round again. Every kind of tensor-core kernel, and rows in every
        // warp.
        new(70, 200, 64, 64) { Batch = 1, EveryType = true },
        new(70, 263, 64, 64) { Batch = 1, EveryType = true, Alibi = true },
        new(70, 200, 64, 64) { Batch = 1, EveryType = true, KeyMask = true, Mask = AttentionAxes.Query },
        new(70, 263, 64, 64) { Batch = 1, EveryType = true, Mask = AttentionAxes.All, Bias = AttentionAxes.All, Causal = CausalAlignment.BottomRight },
        new(263, 263, 64, 64)
        {
            Batch = 1, Heads = 1, KeyValueHeads = 1, EveryType = true, Bias = AttentionAxes.Query, Causal = CausalAlignment.BottomRight, Window = 150,
        },

        // Few queries against many keys: chunks that are folded, whole and not, with every rule, and heads that share keys.
        new(1, 70, 8, 5) { ForwardOnly = true, Size = ValidationSize.Tiny, Batch = 1, KeyMask = true, Alibi = true },
        new(3, 130, 5, 9)
        {
            ForwardOnly = true, Size = ValidationSize.Tiny, Batch = 1, Heads = 3, KeyValueHeads = 1, FreeColumns = 2, Causal = CausalAlignment.BottomRight,
            Window = 40, SoftClamp = 2f,
        },
        new(1, 443, 64, 64) { ForwardOnly = true, EveryType = true },
        new(3, 97, 24, 24) { ForwardOnly = true, Size = ValidationSize.Tiny, Batch = 1, Distances = 12, DistanceOrigin = 10, FreeColumns = 1, SoftClamp = 2f },
        new(7, 300, 64, 64) { ForwardOnly = true, Distances = 129, DistanceOrigin = 128, Causal = CausalAlignment.BottomRight, KeyMask = true },
        new(2, 1023, 80, 40)
        {
            ForwardOnly = true, Batch = 1, Heads = 6, KeyValueHeads = 2, FreeColumns = 3, Alibi = true, Causal = CausalAlignment.BottomRight,
            EveryType = true,
        },
        new(5, 300, 17, 130) { ForwardOnly = true, Batch = 3, KeyMask = true, SoftClamp = 3f, Layout = AttentionLayout.HeadMajor },
        new(8, 257, 64, 200) { ForwardOnly = true, KeyMask = true, HiddenNumbers = true, Causal = CausalAlignment.BottomRight, Window = 100, EveryType = true },
        new(4, 200, 256, 64) { ForwardOnly = true, Mask = AttentionAxes.All, Bias = AttentionAxes.Head, Causal = CausalAlignment.BottomRight },
        new(1, 4099, 64, 64) { ForwardOnly = true, Size = ValidationSize.Full, EveryType = true },

        // Widths and lengths. Half types and wide heads have rules here and none in the full sweep: each combination is a kernel to compile.
        new(1, 1, 1, 1),
        new(17, 23, 17, 17),
        new(64, 64, 64, 64),
        new(33, 129, 40, 40),
        new(129, 33, 80, 80) { KeyMask = true },
        new(65, 66, 96, 96) { Alibi = true, Layout = AttentionLayout.HeadMajor },
        new(70, 90, 128, 128) { KeyMask = true, Layout = AttentionLayout.HeadMajor },
        new(40, 70, 256, 256) { KeyMask = true },
        new(31, 77, 64, 17) { Layout = AttentionLayout.HeadMajor },
        new(31, 77, 17, 200) { Alibi = true },
        new(19, 50, 200, 1) { KeyMask = true },
        new(129, 33, 80, 80) { Size = ValidationSize.Full, EveryType = true },
        new(70, 90, 128, 128) { Size = ValidationSize.Full, EveryType = true, Layout = AttentionLayout.HeadMajor },
        new(40, 70, 256, 256) { Size = ValidationSize.Full, EveryType = true },
        new(443, 1023, 64, 64) { Batch = 1, Size = ValidationSize.Full, EveryType = true },
        new(1023, 443, 40, 80) { Batch = 1, Size = ValidationSize.Full },
        new(1, 2049, 64, 64) { Batch = 1, Size = ValidationSize.Full },

        // Grouped heads.
        new(20, 37, 32, 32) { Heads = 6, KeyValueHeads = 2 },
        new(20, 37, 32, 32) { Heads = 6, KeyValueHeads = 3, Grouping = HeadGrouping.Blocks, Layout = AttentionLayout.HeadMajor },
        new(20, 37, 32, 48) { Heads = 4, KeyValueHeads = 1 },

        // Causality and windows.
        new(65, 65, 64, 64) { Causal = CausalAlignment.BottomRight },
        new(37, 101, 40, 40) { Causal = CausalAlignment.BottomRight },
        new(37, 101, 40, 40) { Causal = CausalAlignment.TopLeft, Layout = AttentionLayout.HeadMajor },
        new(101, 37, 40, 40) { Causal = CausalAlignment.TopLeft },
        new(101, 37, 40, 40) { Causal = CausalAlignment.BottomRight, DeadRows = true },
        new(1, 37, 40, 40) { Causal = CausalAlignment.BottomRight },
        new(150, 150, 32, 32) { Causal = CausalAlignment.BottomRight, Window = 20 },
        new(90, 160, 32, 32) { Window = 3 },
        new(150, 150, 32, 32) { Causal = CausalAlignment.BottomRight, Window = 0, FreeColumns = 1 },

        // One key to a query: its gradient of query and key is zero, of which no error is a fraction, so it must be zero exactly.
        new(150, 150, 40, 40) { Causal = CausalAlignment.BottomRight, Window = 0 },
        new(70, 1, 64, 80),

        // Masks, every way of broadcasting.
        new(45, 83, 64, 64) { KeyMask = true, EveryType = true },
        new(45, 45, 64, 64) { KeyMask = true, Causal = CausalAlignment.BottomRight, DeadRows = true },
        new(45, 83, 24, 24) { Mask = AttentionAxes.All },
        new(45, 83, 24, 24) { Mask = AttentionAxes.Query },
        new(45, 83, 24, 24) { Mask = AttentionAxes.Head },
        new(45, 83, 24, 24) { Mask = AttentionAxes.Batch },
        new(45, 83, 24, 24) { Mask = AttentionAxes.None },
        new(45, 83, 24, 24) { Mask = AttentionAxes.Head | AttentionAxes.Query, KeyMask = true },
        new(45, 83, 24, 24) { Mask = AttentionAxes.Batch | AttentionAxes.Query, KeyMask = true, DeadRows = true },
        new(45, 83, 24, 24) { Mask = AttentionAxes.Batch | AttentionAxes.Head, Causal = CausalAlignment.BottomRight },

        // Biases.
        new(60, 60, 64, 64) { Alibi = true, EveryType = true },
        new(30, 75, 64, 64) { Alibi = true, Heads = 3, KeyValueHeads = 1, Causal = CausalAlignment.BottomRight },
        new(75, 30, 40, 40) { Alibi = true, Heads = 5, KeyValueHeads = 5, Layout = AttentionLayout.HeadMajor },
        new(50, 50, 40, 40) { Alibi = true, AlibiPositions = AttentionAxes.None },
        new(50, 50, 40, 40) { Alibi = true, AlibiPositions = AttentionAxes.Batch | AttentionAxes.Head, KeyMask = true },
        new(45, 83, 24, 24) { Bias = AttentionAxes.All },
        new(45, 83, 24, 24) { Bias = AttentionAxes.Head | AttentionAxes.Query },
        new(45, 83, 24, 24) { Bias = AttentionAxes.Batch },
        new(45, 83, 24, 24) { Bias = AttentionAxes.None },

        // Biases by distance: tables with an entry for every distance, and tables that end before, at one side or at both.
        new(5, 7, 4, 3) { Size = ValidationSize.Tiny, Batch = 1, Distances = 3, DistanceOrigin = 2, FreeColumns = 1, Causal = CausalAlignment.BottomRight },
        new(7, 9, 4, 4)
        {
            Size = ValidationSize.Tiny, Batch = 1, Distances = 4, DistanceOrigin = 1, Bias = AttentionAxes.Query, ExtremeBias = ExtremeBias.Infinite,
            DeadRows = true,
        },
        new(70, 70, 64, 64) { Distances = 139, DistanceOrigin = 69, EveryType = true },
        new(75, 150, 40, 40) { Distances = 151, DistanceOrigin = 149, Causal = CausalAlignment.BottomRight, Heads = 3, KeyValueHeads = 1 },
        new(70, 135, 24, 24) { Distances = 21, DistanceOrigin = 20, Causal = CausalAlignment.TopLeft, SoftClamp = 2f, KeyMask = true, DeadRows = true },
        new(135, 70, 24, 40) { Distances = 30, DistanceOrigin = -9, Layout = AttentionLayout.HeadMajor, FreeColumns = 3, Mask = AttentionAxes.All },
        new(45, 83, 24, 24) { Distances = 1, FreeColumns = 2, Window = 30, Causal = CausalAlignment.BottomRight, Dropout = 0.3f },
        new(45, 83, 24, 24) { Distances = 11, DistanceOrigin = 1000, Bias = AttentionAxes.Head },
        new(70, 135, 60, 40)
        {
            Heads = 6, KeyValueHeads = 2, Causal = CausalAlignment.BottomRight, Window = 100, KeyMask = true, Mask = AttentionAxes.All,
            Bias = AttentionAxes.All, Distances = 50, DistanceOrigin = 40, SoftClamp = 20f, FreeColumns = 3, Dropout = 0.1f, EveryType = true,
        },
        new(300, 555, 64, 64) { Heads = 4, KeyValueHeads = 4, Size = ValidationSize.Full, KeyMask = true, Distances = 65, DistanceOrigin = 32 },

        // −∞ hides, and no finite number does; what is hidden is nothing, whatever it holds.
        new(7, 9, 4, 5) { Size = ValidationSize.Tiny, Batch = 1, Bias = AttentionAxes.Query, ExtremeBias = ExtremeBias.Infinite, DeadRows = true },
        new(7, 9, 4, 4) { Size = ValidationSize.Tiny, Batch = 1, Bias = AttentionAxes.Query, ExtremeBias = ExtremeBias.Lowest },
        new(7, 12, 4, 5)
        {
            Size = ValidationSize.Tiny, Batch = 1, Heads = 1, KeyValueHeads = 1, Causal = CausalAlignment.TopLeft, HiddenNumbers = true, EveryType = true,
        },
        new(70, 75, 64, 64)
        {
            Size = ValidationSize.Tiny, Batch = 1, Heads = 1, KeyValueHeads = 1, Causal = CausalAlignment.TopLeft, HiddenNumbers = true, EveryType = true,
        },
        new(45, 83, 24, 24) { Bias = AttentionAxes.Query | AttentionAxes.Head, ExtremeBias = ExtremeBias.Infinite, DeadRows = true },
        new(45, 83, 24, 24) { Bias = AttentionAxes.Batch, ExtremeBias = ExtremeBias.Infinite },
        new(45, 83, 24, 24) { Bias = AttentionAxes.All, ExtremeBias = ExtremeBias.Lowest, Alibi = true },
        new(45, 83, 24, 40) { KeyMask = true, DeadRows = true, HiddenNumbers = true, EveryType = true },
        new(90, 160, 32, 32)
        {
            Window = 3, KeyMask = true, HiddenNumbers = true, FreeColumns = 2, Bias = AttentionAxes.Query, ExtremeBias = ExtremeBias.Infinite,
        },
        new(45, 83, 24, 40) { Distances = 6, DistanceOrigin = 10, ExtremeBias = ExtremeBias.Infinite, HiddenNumbers = true, EveryType = true },
        new(65, 90, 80, 80) { Dropout = 0.1f, Causal = CausalAlignment.TopLeft, Heads = 4, KeyValueHeads = 2, HiddenNumbers = true },

        // Scores reshaped, and keys that everyone sees.
        new(45, 83, 24, 24) { SoftClamp = 1.5f },
        new(45, 83, 24, 24) { SoftClamp = 30f, Bias = AttentionAxes.Query, Alibi = true, KeyMask = true },
        new(45, 83, 24, 24) { Scale = 10f },
        new(45, 83, 24, 24) { Scale = 0f },
        new(45, 53, 24, 24) { FreeColumns = 8, KeyMask = true },
        new(45, 53, 24, 24) { FreeColumns = 8, Causal = CausalAlignment.BottomRight, Alibi = true },
        new(45, 53, 24, 24) { FreeColumns = 8, Causal = CausalAlignment.TopLeft, Window = 5, Bias = AttentionAxes.All },
        new(45, 53, 24, 24) { FreeColumns = 8, Alibi = true, AlibiPositions = AttentionAxes.Batch, Mask = AttentionAxes.All },

        // Dropout, with keys and queries left out in between.
        new(9, 70, 4, 5) { Size = ValidationSize.Tiny, Batch = 1, Dropout = 0.4f },
        new(85, 147, 40, 40) { Dropout = 0.3f },
        new(65, 90, 80, 80) { Dropout = 0.1f, KeyMask = true, EveryType = true },
        new(37, 101, 24, 24)
        {
            Dropout = 0.5f, Heads = 4, KeyValueHeads = 2, Causal = CausalAlignment.BottomRight, Window = 30, Mask = AttentionAxes.All,
            Bias = AttentionAxes.Head, Alibi = true, FreeColumns = 3,
            Layout = AttentionLayout.HeadMajor,
        },

        // Everything at once.
        new(70, 135, 60, 40)
        {
            Heads = 6, KeyValueHeads = 2, Causal = CausalAlignment.BottomRight, Window = 100, KeyMask = true, Mask = AttentionAxes.All,
            Bias = AttentionAxes.All, Alibi = true,
            SoftClamp = 20f, FreeColumns = 3, EveryType = true,
        },
        new(139, 140, 128, 100)
        {
            Heads = 4, KeyValueHeads = 2, Grouping = HeadGrouping.Blocks, Layout = AttentionLayout.HeadMajor, Causal = CausalAlignment.TopLeft, KeyMask = true,
            Bias = AttentionAxes.Head,
            Alibi = true, AlibiPositions = AttentionAxes.Head, FreeColumns = 1, Scale = 0.3f,
        },
        new(300, 555, 64, 64)
        {
            Heads = 4, KeyValueHeads = 4, Size = ValidationSize.Full, Causal = CausalAlignment.BottomRight, KeyMask = true, Alibi = true, EveryType = true,
        },
    ];

    /// <summary>The problem in words.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        Append(text, $"{Batch}x{Heads}h {Queries}x{Keys} width {HeadDim}");
        if (ValueDim != HeadDim)
            Append(text, $"/{ValueDim}");
        if (KeyValueHeads != Heads)
            Append(text, $" {KeyValueHeads}kv {Grouping}");
        if (Layout != AttentionLayout.SequenceMajor)
            Append(text, $" {Layout}");
        if (Causal != CausalAlignment.None)
            Append(text, $" causal {Causal}");
        if (Window is not null)
            Append(text, $" window {Window}");
        if (KeyMask)
            Append(text, $" key mask");
        if (Mask is not null)
            Append(text, $" mask[{Mask}]");
        if (Bias is not null)
            Append(text, $" bias[{Bias}]");
        if (ExtremeBias != ExtremeBias.None)
            Append(text, $" {ExtremeBias} bias");
        if (HiddenNumbers)
            Append(text, $" hidden numbers");
        if (Alibi)
            Append(text, $" alibi");
        if (AlibiPositions is not null)
            Append(text, $" positions[{AlibiPositions}]");
        if (Distances is not null)
            Append(text, $" {Distances} distances from {-DistanceOrigin}");
        if (SoftClamp is not null)
            Append(text, $" clamp {SoftClamp}");
        if (Scale is not null)
            Append(text, $" scale {Scale}");
        if (FreeColumns > 0)
            Append(text, $" {FreeColumns} free");
        if (Dropout > 0f)
            Append(text, $" dropout {Dropout}");
        if (DeadRows)
            Append(text, $" dead rows");
        return text.ToString();
    }

    private static void Append(StringBuilder text, FormattableString part) => text.Append(part.ToString(CultureInfo.InvariantCulture));
}
