using GpuTransformer.Host;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep of MatrixMultiply.</summary>
internal static class MatrixMultiplyCases
{
    public static readonly OperatorSweep Sweep = OperatorSweep.Of(MatrixMultiplyOperator.Definition, Cases);

    // What is fused behind the product in a case.
    [Flags]
    private enum Epilogue
    {
        None = 0,
        Bias = 1,
        Residual = 2,
        RowMask = 4,
        Accumulate = 8,
        All = Bias | Residual | RowMask,
    }

    private static readonly DType[] FloatingTypes = [DType.Float32, DType.Float16, DType.BFloat16];

    private static IEnumerable<ValidationCase<MatrixMultiplyArguments>> Cases(int seed)
    {
        (int M, int N, int K, ValidationSize Size)[] shapes =
        [
            (1, 1, 1, ValidationSize.Tiny), (17, 3, 40, ValidationSize.Tiny), (5, 70, 17, ValidationSize.Tiny),
            (1, 443, 80, ValidationSize.Quick), (64, 256, 256, ValidationSize.Quick), (129, 80, 443, ValidationSize.Quick),
            (259, 257, 261, ValidationSize.Quick), (443, 1023, 17, ValidationSize.Full), (1023, 129, 1023, ValidationSize.Full),
        ];
        foreach (DType dtype in FloatingTypes)
        {
            foreach ((int m, int n, int k, ValidationSize size) in shapes)
            {
                yield return Case(seed, dtype, m, n, k, false, true, Activation.None, Epilogue.Bias, size);
                yield return Case(seed, dtype, m, n, k, false, false, Activation.None, Epilogue.None, size);
                yield return Case(seed, dtype, m, n, k, true, false, Activation.None, Epilogue.Accumulate, size);
                yield return Case(seed, dtype, m, n, k, true, true, Activation.None, Epilogue.None, size);
            }

            yield return Case(seed, dtype, 7, 19, 0, false, true, Activation.Sigmoid, Epilogue.All, ValidationSize.Tiny);
            foreach (Activation activation in Enum.GetValues<Activation>())
                yield return Case(seed, dtype, 19, 37, 40, false, true, activation, Epilogue.All, ValidationSize.Quick);
        }
    }

    private static ValidationCase<MatrixMultiplyArguments> Case(
        int seed, DType dtype, int m, int n, int k, bool transposeLeft, bool transposeRight, Activation activation, Epilogue epilogue, ValidationSize size)
    {
        var data = new CaseData(CaseData.Seed(seed, m, n, k, (int)epilogue), dtype);
        float[] left = data.Uniform((long)m * k), right = data.Uniform((long)n * k), added = data.Uniform((long)m * n);
        float[]? bias = epilogue.HasFlag(Epilogue.Bias) ? data.Uniform(n) : null;
        float[]? residual = (epilogue & (Epilogue.Residual | Epilogue.Accumulate)) != 0 ? added : null;
        bool[]? mask = epilogue.HasFlag(Epilogue.RowMask) ? data.Flags(m, 0.7) : null;
        return new ValidationCase<MatrixMultiplyArguments>(
            $"{(transposeLeft ? 'T' : 'N')}{(transposeRight ? 'T' : 'N')} {m}x{n}x{k} {activation} {epilogue} {dtype}",
            size,
            dtype,
            device =>
            {
                Tensor? r = residual is null ? null : Tensor.From(device, [m, n], residual, dtype);
                Tensor output = epilogue == Epilogue.Accumulate ? r! : Tensor.Empty(device, [m, n], dtype);
                return new MatrixMultiplyArguments(
                    Tensor.From(device, transposeLeft ? [k, m] : [m, k], left, dtype), Tensor.From(device, transposeRight ? [n, k] : [k, n], right, dtype),
                    output, m, n, k, transposeLeft, transposeRight, bias is null ? null : Tensor.From(device, [n], bias, dtype), activation, r,
                    mask is null ? null : Tensor.From(device, [m], mask));
            },
            static arguments => [("output", arguments.Output)],
            () =>
            [
                data.Expect("output", Oracle<double>(), Oracle<float>()),
            ]);

        T[] Oracle<T>()
            where T : System.Numerics.IFloatingPointIeee754<T>
            => MatrixMultiplyReference.Forward(
                CaseData.Convert<T>(left), CaseData.Convert<T>(right), m, n, k, transposeLeft, transposeRight, bias is null ? null : CaseData.Convert<T>(bias),
                (int)activation, mask,
                residual is null ? null : CaseData.Convert<T>(residual));
    }
}
