using GpuTransformer.Host;
using GpuTransformer.Kernels;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep of SumOfSquares.</summary>
internal static class SumOfSquaresCases
{
    public static readonly OperatorSweep Sweep = OperatorSweep.Of(SumOfSquaresArguments.Definition, Cases);

    private static IEnumerable<ValidationCase<SumOfSquaresArguments>> Cases(int seed)
    {
        foreach (DType dtype in ElementwiseCases.DTypes)
        {
            foreach ((int count, ValidationSize size) in ElementwiseCases.Counts)
            {
                var data = new CaseData(CaseData.Seed(seed, count), dtype);
                float[] input = data.Uniform(count);
                yield return new ValidationCase<SumOfSquaresArguments>(
                    $"{count} {dtype}",
                    size,
                    dtype,
                    device =>
                    {
                        Tensor x = Tensor.From(device, [count], input, dtype);
                        return new SumOfSquaresArguments(x, Tensor.Empty(device, [SumOfSquaresArguments.PartialCount(x)]));
                    },
                    static a => [("partials", a.Partials)],
                    () => [new Expected("partials", Partials<double>(input), Partials<float>(input))]);
            }
        }
    }

    private static double[] Partials<T>(float[] input)
        where T : System.Numerics.IFloatingPointIeee754<T>
        => [.. input.Chunk(SumOfSquaresPortable<Float32>.ElementsPerPartial).Select(static chunk
        => double.CreateChecked(chunk.Aggregate(T.Zero, static (sum, x) => sum + T.CreateChecked(x) * T.CreateChecked(x))))];
}
