namespace GpuTransformer.Kernels;

/// <summary>The lengths of all axes but the outermost, padded with ones. The outermost needs none: what is left of a number is its place there.</summary>
internal struct StridedLengths
{
    /// <summary>How many axes a kernel can tell apart, neighbours that every operand walks alike counting as one.</summary>
    public const int Maximum = 6;

    public long Length1;
    public long Length2;
    public long Length3;
    public long Length4;
    public long Length5;
}

/// <summary>An element's place along each of six axes.</summary>
internal struct StridedPlace
{
    public long Place0;
    public long Place1;
    public long Place2;
    public long Place3;
    public long Place4;
    public long Place5;

    /// <summary>The place of element <paramref name="i"/>, counted row-major.</summary>
    public static StridedPlace Of(StridedLengths lengths, long i)
    {
        long rest4 = i / lengths.Length5, rest3 = rest4 / lengths.Length4, rest2 = rest3 / lengths.Length3, rest1 = rest2 / lengths.Length2,
            rest0 = rest1 / lengths.Length1;
        return new StridedPlace
        {
            Place0 = rest0,
            Place1 = rest1 - rest0 * lengths.Length1,
            Place2 = rest2 - rest1 * lengths.Length2,
            Place3 = rest3 - rest2 * lengths.Length3,
            Place4 = rest4 - rest3 * lengths.Length4,
            Place5 = i - rest4 * lengths.Length5,
        };
    }
}

/// <summary>How an operand lies in its memory: where it starts, and how far apart neighbours along each axis are; 0 where it is repeated.</summary>
internal struct StridedSteps
{
    public long Start;
    public long Step0;
    public long Step1;
    public long Step2;
    public long Step3;
    public long Step4;
    public long Step5;

    /// <summary>Where in memory the element at a place is.</summary>
    public static long At(StridedSteps steps, StridedPlace at)
        => steps.Start + at.Place0 * steps.Step0 + at.Place1 * steps.Step1 + at.Place2 * steps.Step2 + at.Place3 * steps.Step3 + at.Place4 * steps.Step4
            + at.Place5 * steps.Step5;
}
