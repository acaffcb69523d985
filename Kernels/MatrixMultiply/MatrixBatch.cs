namespace GpuTransformer.Kernels;

/// <summary>
/// Where the factors of each of several products of one shape lie: products are numbered along two axes, along each of which a factor has a step of its own, 0
/// where it is the same for all. Results lie one behind the other.
/// </summary>
internal struct MatrixBatch
{
    public int Inner; // products along the inner axis
    public long LeftOuterStep;
    public long LeftInnerStep;
    public long RightOuterStep;
    public long RightInnerStep;

    /// <summary>One product, or as many as share both factors.</summary>
    public static MatrixBatch One => new() { Inner = 1 };

    /// <summary>Where the left factor of a product begins.</summary>
    public static long Left(MatrixBatch batch, GroupPlace product) => product.Outer * batch.LeftOuterStep + product.Inner * batch.LeftInnerStep;

    /// <summary>Where the right factor of a product begins.</summary>
    public static long Right(MatrixBatch batch, GroupPlace product) => product.Outer * batch.RightOuterStep + product.Inner * batch.RightInnerStep;
}
