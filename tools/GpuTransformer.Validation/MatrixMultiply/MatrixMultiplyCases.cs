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

            yield return Batch(seed, dtype, [2, 3], [2, 3], 5, 7, 9, false, true, ValidationSize.Tiny);
            yield return Batch(seed, dtype, [2, 3], [2, 1], 70, 65, 8, true, false, ValidationSize.Quick);
            yield return Batch(seed, dtype, [1, 3], [2, 3], 4, 68, 20, false, false, ValidationSize.Quick);
            yield return Batch(seed, dtype, [1, 1], [3, 2], 65, 4, 12, true, true, ValidationSize.Quick);
            yield return Case(seed, dtype, 7, 19, 0, false, true, Activation.Sigmoid, Epilogue.All, ValidationSize.Tiny);
            foreach (Activation activation in Enum.GetValues<Activation>())
                yield return Case(seed, dtype, 19, 37, 40, false, true, activation, Epilogue.All, ValidationSize.Quick);
        }
    }

    // Batches of products: each factor with matrices of its own, the same ones along either axis, or one for all.
    private static ValidationCase<MatrixMultiplyArguments> Batch(
        int seed, DType dtype, int[] left, int[] right, int m, int n, int k, bool transposeLeft, bool transposeRight, ValidationSize size)
    {
        int[] batch = [Math.Max(left[0], right[0]), Math.Max(left[1], right[1])];
        int products = batch[0] * batch[1];
        var data = new CaseData(CaseData.Seed(seed, m, n, k, products), dtype);
        float[] a = data.Uniform((long)left[0] * left[1] * m * k), b = data.Uniform((long)right[0] * right[1] * n * k);
        Shape leftShape = [.. left, .. transposeLeft ? new[] { k, m } : [m, k]], rightShape = [.. right, .. transposeRight ? new[] { n, k } : [k, n]];
        return new ValidationCase<MatrixMultiplyArguments>(
            $"{leftShape}{(transposeLeft ? "T" : string.Empty)} times {rightShape}{(transposeRight ? "T" : string.Empty)} {dtype}",
            size,
            dtype,
            device => new MatrixMultiplyArguments(
                Tensor.From(device, leftShape, a, dtype), Tensor.From(device, rightShape, b, dtype), Tensor.Empty(device, [.. batch, m, n], dtype), m, n, k,
                transposeLeft, transposeRight, null, Activation.None, null, null)
            {
                Products = products,
                Batch = MatrixMultiplyOperator.Batch(batch, leftShape, rightShape)!.Value,
            },
            static arguments => [("output", arguments.Output)],
            () => [data.Expect("output", Oracle<double>(), Oracle<float>())]);

        T[] Oracle<T>()
            where T : System.Numerics.IFloatingPointIeee754<T>
        {
            var output = new List<T>();
            for (int i = 0; i < products; i++)
            {
                output.AddRange(MatrixMultiplyReference.Forward(
                    Part(CaseData.Convert<T>(a), left, i, m * k), Part(CaseData.Convert<T>(b), right, i, n * k), m, n, k, transposeLeft, transposeRight, null,
                    0, null,
                    null));
            }

            return [.. output];
        }

        T[] Part<T>(T[] all, int[] own, int product, int size)
        {
            int outer = product / batch[1] % own[0], inner = product % batch[1] % own[1], start = (outer * own[1] + inner) * size;
            return all[start..(start + size)];
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
