using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>C = op(A) op(B), or C += op(A) op(B), where op transposes or does nothing.</summary>
    /// <param name="left">A: [m, k], or [k, m] where <paramref name="transposeLeft"/></param>
    /// <param name="right">B: [k, n], or [n, k] where <paramref name="transposeRight"/></param>
    /// <param name="transposeLeft">Whether op(A) is Aᵀ.</param>
    /// <param name="transposeRight">Whether op(B) is Bᵀ.</param>
    /// <param name="accumulateInto">
    /// [m, n]: the product is added to it and it is returned (not while gradients of these are recorded); or null for a new tensor
    /// </param>
    /// <returns>[m, n]</returns>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was launched.</exception>
    public static Tensor MatrixMultiply(Tensor left, Tensor right, bool transposeLeft = false, bool transposeRight = false, Tensor? accumulateInto = null)
    {
        ArgumentNullException.ThrowIfNull(left);
        ComputeDevice device = left.Device;
        Arguments.CheckFloating(device, left);
        Arguments.Check(device, right, left.DType);
        if (left.Shape.Rank != 2)
            throw Arguments.Wrong(nameof(left), $"has shape {left.Shape}, but a matrix has two axes.");
        if (right.Shape.Rank != 2)
            throw Arguments.Wrong(nameof(right), $"has shape {right.Shape}, but a matrix has two axes.");
        (int m, int k) = transposeLeft ? (left.Shape[1], left.Shape[0]) : (left.Shape[0], left.Shape[1]);
        (int inner, int n) = transposeRight ? (right.Shape[1], right.Shape[0]) : (right.Shape[0], right.Shape[1]);
        if (inner != k)
            throw Arguments.Wrong(
                nameof(right),
                $"has shape {right.Shape}{Transposed(transposeRight)}, whose inner width {inner} is not the {k} of the left "
                + $"{left.Shape}{Transposed(transposeLeft)}.");
        if (accumulateInto is not null)
        {
            Arguments.Check(device, accumulateInto, left.DType);
            Arguments.CheckShape(accumulateInto, [m, n], $"{left.Shape}{Transposed(transposeLeft)} times {right.Shape}{Transposed(transposeRight)}");
        }

        bool recorded = device.Records(left, right, accumulateInto);
        if (recorded && accumulateInto is not null)
            throw Arguments.Wrong(
                nameof(accumulateInto), "cannot be given while gradients are recorded: what it held would be lost to the backward pass. Use Add instead.");
        Tensor output = accumulateInto ?? Tensor.Empty(device, [m, n], left.DType);
        MatrixMultiplyOperator.Run(new MatrixMultiplyArguments(
            left, right, output, m, n, k, transposeLeft, transposeRight, null, Activation.None, accumulateInto, null));
        accumulateInto?.MarkWritten();
        if (recorded)
            RecordMatrixMultiply(left, right, m, n, k, transposeLeft, transposeRight, output);
        return output;
    }

    // With A' = op(A), B' = op(B): dA' = dC B'ᵀ and dB' = A'ᵀ dC; where op transposes, the transposed equation gives dA or dB itself.
    private static void RecordMatrixMultiply(Tensor left, Tensor right, int m, int n, int k, bool transposeLeft, bool transposeRight, Tensor output)
        => left.Device.Record(output, gradient =>
        {
            if (GradientTape.Wants(left) && transposeLeft)
                MatrixMultiplyOperator.AccumulateGradient(left, right, gradient, k, m, n, transposeRight, true);
            else if (GradientTape.Wants(left))
                MatrixMultiplyOperator.AccumulateGradient(left, gradient, right, m, k, n, false, !transposeRight);
            if (GradientTape.Wants(right) && transposeRight)
                MatrixMultiplyOperator.AccumulateGradient(right, gradient, left, n, k, m, true, transposeLeft);
            else if (GradientTape.Wants(right))
                MatrixMultiplyOperator.AccumulateGradient(right, left, gradient, k, n, m, !transposeLeft, false);
        }, GradientTape.Wants(right) ? left : null, GradientTape.Wants(left) ? right : null);

    private static string Transposed(bool transposed) => transposed ? " (transposed)" : string.Empty;
}

/// <summary>
/// What a MatrixMultiply variant is given. The residual may be the output itself: then the product is accumulated. With more than one product, all have one
/// bias, and each its own part of output and residual; a row mask is for a single one.
/// </summary>
internal readonly record struct MatrixMultiplyArguments(
    Tensor Left,
    Tensor Right,
    Tensor Output,
    int M,
    int N,
    int K,
    bool TransposeLeft,
    bool TransposeRight,
    Tensor? Bias,
    Activation Activation,
    Tensor? Residual,
    Tensor? RowMask)
{
    /// <summary>How many products there are.</summary>
    public int Products { get; init; } = 1;

    /// <summary>Where their factors lie.</summary>
    public MatrixBatch Batch { get; init; } = MatrixBatch.One;
}

/// <summary>Matrix multiplication and linear layers in the catalogue.</summary>
internal static partial class MatrixMultiplyOperator
{
    public static readonly OperatorDefinition<MatrixMultiplyArguments> Definition = new(
        "MatrixMultiply",
        "C = (mask ? act(op(A) op(B) + bias) : 0) + residual",
        [
            new(
                "Vectorized",
                VariantKind.Vectorized,
                "packed panels, 6 x 64 register tiles",
                static (device, a) => ElementDispatch.Launch<Vectorized, MatrixMultiplyArguments>(device, a, a.Output.DType)),
            new(
                "Portable",
                VariantKind.Portable,
                "64 x 64 tiles in shared memory, 8 x 8 per thread in registers",
                static (device, a) => ElementDispatch.Launch<Portable, MatrixMultiplyArguments>(device, a, a.Output.DType)),
        ]);

    /// <summary>Launches the best variant; an empty output needs none.</summary>
    public static void Run(in MatrixMultiplyArguments arguments)
    {
        if (arguments.M > 0 && arguments.N > 0 && arguments.Products > 0)
            Definition.Run(arguments.Output.Device, arguments);
    }

    /// <summary>Adds op(left) op(right) = [m, n] to the gradient of <paramref name="target"/>; a leaf's gradient is written in place.</summary>
    public static void AccumulateGradient(Tensor target, Tensor left, Tensor right, int m, int n, int k, bool transposeLeft, bool transposeRight)
    {
        bool accumulate = false;
        Tensor product = target.RequiresGradient ? target.GradientTarget(out accumulate) : Tensor.Empty(target.Device, target.Shape, target.DType);
        Run(new MatrixMultiplyArguments(left, right, product, m, n, k, transposeLeft, transposeRight, null, Activation.None, accumulate ? product : null,
            null));
        product.MarkWritten();
        if (!target.RequiresGradient)
            GradientTape.Accumulate(target, product);
    }

    // How many groups of `size` hold `count`.
    private static int Groups(int count, int size) => (count + size - 1) / size;

    private readonly struct Portable : IElementLaunch<MatrixMultiplyArguments>
    {
        public static void Launch<TElement>(ComputeDevice device, MatrixMultiplyArguments a)
            where TElement : unmanaged, IElement<TElement>
        {
            long groups = (long)a.Products * Groups(a.M, MatrixMultiplyPortable<TElement>.Tile) * Groups(a.N, MatrixMultiplyPortable<TElement>.Tile);
            device.Launch(MatrixMultiplyPortable<TElement>.Kernel, groups, MatrixMultiplyPortable<TElement>.GroupSize, new MatrixMultiplyPortable<TElement>
            {
                Left = a.Left.View<TElement>(),
                Right = a.Right.View<TElement>(),
                Output = a.Output.View<TElement>(),
                Bias = a.Bias?.View<TElement>() ?? default,
                Residual = a.Residual?.View<TElement>() ?? default,
                RowMask = a.RowMask?.View<byte>() ?? default,
                M = a.M,
                N = a.N,
                K = a.K,
                TransposeLeft = a.TransposeLeft ? 1 : 0,
                TransposeRight = a.TransposeRight ? 1 : 0,
                LeftQuads = HasQuads(a.Left, a.TransposeLeft ? a.M : a.K, a.Batch.LeftOuterStep | a.Batch.LeftInnerStep),
                RightQuads = HasQuads(a.Right, a.TransposeRight ? a.K : a.N, a.Batch.RightOuterStep | a.Batch.RightInnerStep),
                Activation = (int)a.Activation,
                Batch = a.Batch,
            });
        }
    }

    // Whether every row starts where four elements can be loaded at once.
    private static int HasQuads(Tensor tensor, int rowStride, long steps) => tensor.StartsOnQuad && rowStride % 4 == 0 && steps % 4 == 0 ? 1 : 0;

    private readonly unsafe struct Vectorized : IElementLaunch<MatrixMultiplyArguments>
    {
        // Packing 64 columns of B costs what multiplying them by some five rows does, so a block should have many more rows than that.
        private const int EnoughRows = 96;

        // Transposing or widening A once and not for each panel pays from here on; below, a second launch costs more.
        private const int ManyPanels = 4;
        private const int ManyElements = 1 << 16;

        // More blocks than workers: a core that something else holds up for a while must not hold up the launch.
        private const int BlocksPerWorker = 4;

        public static void Launch<TElement>(ComputeDevice device, MatrixMultiplyArguments a)
            where TElement : unmanaged, IElement<TElement>
        {
            int panels = Groups(a.N, MatrixPanel.Width);
            using Tensor? leftRows = IsWorthRows<TElement>(a, panels) ? WriteRows<TElement>(device, a) : null;
            bool inPlace = typeof(TElement) == typeof(Float32) && !a.TransposeLeft;
            int rows = RowsPerBlock(a.M, checked(panels * a.Products), device.Workers, a.TransposeLeft && leftRows is null),
                blocks = checked(panels * Groups(a.M, rows));
            device.Launch(checked(a.Products * blocks), new MatrixMultiplyVectorized<TElement>
            {
                Left = a.Left.Pointer<TElement>(),
                LeftRows = inPlace ? a.Left.Pointer<float>() : leftRows is null ? null : leftRows.Pointer<float>(),
                Right = a.Right.Pointer<TElement>(),
                Epilogue = new MatrixEpilogue<TElement>
                {
                    Output = a.Output.Pointer<TElement>(),
                    Bias = a.Bias is null ? null : a.Bias.Pointer<TElement>(),
                    Residual = a.Residual is null ? null : a.Residual.Pointer<TElement>(),
                    RowMask = a.RowMask is null ? null : a.RowMask.Pointer<byte>(),
                    N = a.N,
                    Activation = (int)a.Activation,
                },
                M = a.M,
                N = a.N,
                K = a.K,
                RowsPerBlock = rows,
                TransposeLeft = a.TransposeLeft ? 1 : 0,
                TransposeRight = a.TransposeRight ? 1 : 0,
                Batch = a.Batch,
                BlocksPerProduct = blocks,
            });
        }

        private static bool IsWorthRows<TElement>(in MatrixMultiplyArguments a, int panels)
            where TElement : unmanaged, IElement<TElement>
            => a.Products == 1 && (a.TransposeLeft || typeof(TElement) != typeof(Float32)) && panels >= ManyPanels && (long)a.M * a.K >= ManyElements;

        private static Tensor WriteRows<TElement>(ComputeDevice device, in MatrixMultiplyArguments a)
            where TElement : unmanaged, IElement<TElement>
        {
            Tensor rows = Tensor.Empty(device, [a.M, a.K]);
            device.Launch(Groups(a.M, MatrixRowsVectorized<TElement>.RowsPerBlock), new MatrixRowsVectorized<TElement>
            {
                Source = a.Left.Pointer<TElement>(),
                Rows = rows.Pointer<float>(),
                M = a.M,
                K = a.K,
                Transposed = a.TransposeLeft ? 1 : 0,
            });
            return rows;
        }

        private static int RowsPerBlock(int m, int panels, int workers, bool transposeLeft)
        {
            int toFillWorkers = Groups(m, Groups(workers, panels)), toBalance = Groups(m, Groups(BlocksPerWorker * workers, panels));
            int rows = Math.Max(toBalance, Math.Min(EnoughRows, toFillWorkers));
            int most = MatrixMultiplyVectorized<Float32>.MostRowsPerBlock;
            int even = Groups(m, Groups(m, Math.Min(rows, most)));
            int step = transposeLeft ? MatrixPanel.Width : MatrixTile.Rows;
            return Math.Min(most, Groups(even, step) * step);
        }
    }
}
