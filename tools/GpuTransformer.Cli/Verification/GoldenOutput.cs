using GpuTransformer.Host;
using GpuTransformer.Validation;

namespace GpuTransformer.Cli.Verification;

/// <summary>One output of a case as it was computed here, beside what it should be.</summary>
/// <param name="Name">Which output.</param>
/// <param name="Shape">Its axis lengths.</param>
/// <param name="DType">The precision it was computed in.</param>
/// <param name="Actual">Computed here.</param>
/// <param name="Exact">Computed by PyTorch in float64.</param>
/// <param name="PlainError">The largest error of PyTorch's own run in this precision.</param>
internal sealed record GoldenOutput(string Name, Shape Shape, DType DType, float[] Actual, double[] Exact, double PlainError)
{
    /// <summary>Whether it is a gradient, for which the rule allows three times PyTorch's error in place of two.</summary>
    public bool IsGradient { get; init; }

    /// <summary>The numerical rule's verdict.</summary>
    public Comparison Compare() => NumericalRule.Compare(Name, Actual, Exact, PlainError, DType, IsGradient);

    /// <summary>The positions of the elements that are off by more than <paramref name="limit"/> or not finite.</summary>
    public IEnumerable<int> Outside(double limit) => Enumerable.Range(0, Actual.Length).Where(i => !(Math.Abs(Actual[i] - Exact[i]) <= limit));
}
