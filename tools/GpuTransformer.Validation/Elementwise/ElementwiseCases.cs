using GpuTransformer.Host;
using GpuTransformer.Kernels;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep that elementwise operators share.</summary>
internal static class ElementwiseCases
{
    /// <summary>The counts of a sweep: fewer than a vector, ragged ends, more than one block.</summary>
    public static readonly (int Count, ValidationSize Size)[] Counts =
    [
        (1, ValidationSize.Tiny), (17, ValidationSize.Tiny), (300, ValidationSize.Tiny), (443, ValidationSize.Quick), (1023, ValidationSize.Quick),
        (40 * 1023, ValidationSize.Quick), (1000003, ValidationSize.Full),
    ];

    /// <summary>The storage types of a sweep.</summary>
    public static readonly DType[] DTypes = [DType.Float32, DType.Float16, DType.BFloat16];

    /// <summary>A case for each count and storage type, with operands uniform in ±<paramref name="range"/>.</summary>
    public static IEnumerable<ValidationCase<ElementwiseArguments<TOperation>>> Sweep<TOperation>(
        int seed, string label, TOperation operation, Func<double, double, double> exact, Func<float, float, float> plain, float range = 3f,
        bool isGradient = false)
        where TOperation : unmanaged, IElementwiseOperation<TOperation>
    {
        foreach (DType dtype in DTypes)
        {
            foreach ((int count, ValidationSize size) in Counts)
                yield return Case(
                    CaseData.Seed(seed, count),
                    $"{count} {label}{(label.Length > 0 ? " " : string.Empty)}{dtype}",
                    size,
                    dtype,
                    count,
                    operation,
                    exact,
                    plain,
                    range,
                    isGradient);
        }
    }

    private static ValidationCase<ElementwiseArguments<TOperation>> Case<TOperation>(
        int seed,
        string name,
        ValidationSize size,
        DType dtype,
        int count,
        TOperation operation,
        Func<double, double, double> exact,
        Func<float, float, float> plain,
        float range,
        bool isGradient)
        where TOperation : unmanaged, IElementwiseOperation<TOperation>
    {
        var data = new CaseData(seed, dtype);
        float[] left = data.Uniform(count, range), right = TOperation.IsBinary ? data.Uniform(count, range) : new float[count];
        return new ValidationCase<ElementwiseArguments<TOperation>>(
            name,
            size,
            dtype,
            device => new ElementwiseArguments<TOperation>(
                Tensor.From(device, [count], left, dtype),
                TOperation.IsBinary ? Tensor.From(device, [count], right, dtype) : null,
                Tensor.Empty(device, [count], dtype),
                operation),
            static arguments => [("output", arguments.Output)],
            () => [data.Expect("output", [.. left.Zip(right, (l, r) => exact(l, r))], [.. left.Zip(right, plain)])],
            isGradient);
    }
}
