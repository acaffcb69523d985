using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>C[…] = op(A[…]) op(B[…]) for matrices in the last two axes, where op transposes or does nothing; as PyTorch's <c>matmul</c>.</summary>
    /// <param name="left">A: […, m, k], or […, k, m] where <paramref name="transposeLeft"/></param>
    /// <param name="right">B: […, k, n], or […, n, k] where <paramref name="transposeRight"/>; the axes before are broadcast with those of A.</param>
    /// <param name="transposeLeft">Whether op(A) is Aᵀ.</param>
    /// <param name="transposeRight">Whether op(B) is Bᵀ.</param>
    /// <returns>[…, m, n]</returns>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was launched.</exception>
    public static Tensor BatchedMatrixMultiply(Tensor left, Tensor right, bool transposeLeft = false, bool transposeRight = false)
    {
        ArgumentNullException.ThrowIfNull(left);
        ComputeDevice device = left.Device;
        Arguments.CheckFloating(device, left);
        Arguments.Check(device, right, left.DType);
        foreach ((Tensor factor, string name) in new[] { (left, nameof(left)), (right, nameof(right)) })
        {
            if (factor.Shape.Rank < 2)
                throw Arguments.Wrong(name, $"has shape {factor.Shape}, but matrices need two axes.");
        }

        (int m, int k) = transposeLeft ? (left.Shape[^1], left.Shape[^2]) : (left.Shape[^2], left.Shape[^1]);
        (int inner, int n) = transposeRight ? (right.Shape[^1], right.Shape[^2]) : (right.Shape[^2], right.Shape[^1]);
        if (inner != k)
        {
            throw Arguments.Wrong(
                nameof(right),
                $"has shape {right.Shape}{Transposed(transposeRight)}, whose inner width {inner} is not the {k} of the left "
                + $"{left.Shape}{Transposed(transposeLeft)}.");
        }

        Shape leftBatch = new(left.Shape.Lengths[..^2]), rightBatch = new(right.Shape.Lengths[..^2]);
        Shape batch = BroadcastLayout.Common(leftBatch, rightBatch, nameof(right));
        Shape shape = [.. batch.Lengths, m, n];

        // One right factor for all: the rows of all left ones are those of a single product.
        if (right.Shape.Rank == 2 && !transposeLeft)
        {
            Tensor rows = left.Reshape([checked((int)leftBatch.Count * m), k]);
            return MatrixMultiply(rows, right, transposeRight: transposeRight).Reshape(shape);
        }

        Tensor output = Tensor.Empty(device, shape, left.DType);
        if (MatrixMultiplyOperator.Batch(batch, left.Shape, right.Shape) is { } steps)
        {
            MatrixMultiplyOperator.Run(new MatrixMultiplyArguments(
                left, right, output, m, n, k, transposeLeft, transposeRight, null, Activation.None, null, null)
            {
                Products = checked((int)batch.Count),
                Batch = steps,
            });
        }
        else
        {
            // The tape is given the factors themselves, so their copies are none of its business.
            using StepScope pause = device.NoGradient();
            using Tensor allLeft = Expand(left, [.. batch.Lengths, .. left.Shape.Lengths[^2..]]);
            using Tensor allRight = Expand(right, [.. batch.Lengths, .. right.Shape.Lengths[^2..]]);
            MatrixMultiplyOperator.Run(new MatrixMultiplyArguments(
                allLeft, allRight, output, m, n, k, transposeLeft, transposeRight, null, Activation.None, null, null)
            {
                Products = checked((int)batch.Count),
                Batch = MatrixMultiplyOperator.Batch(batch, allLeft.Shape, allRight.Shape)!.Value,
            });
        }

        if (device.Records(left, right))
            RecordBatched(left, right, transposeLeft, transposeRight, output);
        return output;
    }

    // As for one product; a factor that was broadcast gets the sum over what it was repeated along.
    private static void RecordBatched(Tensor left, Tensor right, bool transposeLeft, bool transposeRight, Tensor output)
        => left.Device.Record(output, gradient =>
        {
            if (GradientTape.Wants(left))
            {
                Tensor own = transposeLeft
                    ? BatchedMatrixMultiply(right, gradient, transposeRight, true)
                    : BatchedMatrixMultiply(gradient, right, false, !transposeRight);
                GradientTape.Accumulate(left, BroadcastLayout.SumTo(own, left.Shape));
            }

            if (GradientTape.Wants(right))
            {
                Tensor own = transposeRight
                    ? BatchedMatrixMultiply(gradient, left, true, transposeLeft)
                    : BatchedMatrixMultiply(left, gradient, !transposeLeft, false);
                GradientTape.Accumulate(right, BroadcastLayout.SumTo(own, right.Shape));
            }
        }, GradientTape.Wants(right) ? left : null, GradientTape.Wants(left) ? right : null);
}

/// <content>Batches of products.</content>
internal static partial class MatrixMultiplyOperator
{
    /// <summary>How the factors of the products <paramref name="batch"/> lie, or null where the kernel's two axes are too few to say it.</summary>
    public static MatrixBatch? Batch(Shape batch, Shape left, Shape right)
    {
        Span<StridedSteps> steps = stackalloc StridedSteps[2];
        StridedLengths lengths = StridedLayout.Merge(batch.Lengths, steps, Along(left), Along(right));
        if (lengths.Length5 * lengths.Length4 != batch.Count)
            return null;
        return new MatrixBatch
        {
            Inner = checked((int)lengths.Length5),
            LeftOuterStep = steps[0].Step4,
            LeftInnerStep = steps[0].Step5,
            RightOuterStep = steps[1].Step4,
            RightInnerStep = steps[1].Step5,
        };

        long[] Along(Shape factor) => StridedLayout.Steps(factor, [.. batch.Lengths, .. factor.Lengths[^2..]])[..batch.Rank];
    }
}
