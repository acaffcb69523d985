namespace GpuTransformer.Kernels;

/// <summary>
/// How one stored number is read and written. Storage is float32, float16 or bfloat16; arithmetic is always float32.
/// </summary>
/// <remarks>
/// A kernel is generic over its element and ILGPU compiles one copy for each, so a conversion costs what it costs and nothing more.
/// The conversions use integer operations only: neither OpenCL's half extension nor a CUDA architecture is needed.
/// </remarks>
internal interface IElement<TSelf>
    where TSelf : unmanaged, IElement<TSelf>
{
    /// <summary>The value widened to float32; exact.</summary>
    static abstract float ToSingle(TSelf value);

    /// <summary>The nearest stored value, ties to even.</summary>
    static abstract TSelf FromSingle(float value);
}
