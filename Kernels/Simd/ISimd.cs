namespace GpuTransformer.Kernels;

/// <summary>
/// One width of vector registers, so that a kernel is written once and the JIT compiles it for the widest registers the processor has.
/// <typeparamref name="TVector"/> is the framework's own vector type: values live in registers, and every member below is one instruction or two.
/// </summary>
/// <remarks><c>Vector512</c> on a processor without AVX-512 works, but passes through memory; hence this, for kernels whose inner loop must not.</remarks>
internal unsafe interface ISimd<TVector>
    where TVector : unmanaged
{
    /// <summary>Lanes per vector.</summary>
    static abstract int Width { get; }

    /// <summary>Whether there are 32 registers rather than 16: room for a 4 × 4 tile of accumulators.</summary>
    static abstract bool HasManyRegisters { get; }

    static abstract TVector Load(float* source);

    static abstract void Store(TVector value, float* target);

    /// <summary>The same number in every lane.</summary>
    static abstract TVector Create(float value);

    static abstract TVector Add(TVector left, TVector right);

    static abstract TVector Subtract(TVector left, TVector right);

    static abstract TVector Multiply(TVector left, TVector right);

    static abstract TVector Divide(TVector left, TVector right);

    /// <summary>left · right + addend, rounded once.</summary>
    static abstract TVector MultiplyAdd(TVector left, TVector right, TVector addend);

    static abstract TVector Abs(TVector value);

    /// <summary>The larger; <paramref name="right"/> where either is NaN.</summary>
    static abstract TVector Max(TVector left, TVector right);

    /// <summary>The sign bits of <paramref name="sign"/> on the non-negative <paramref name="magnitude"/>.</summary>
    static abstract TVector WithSign(TVector magnitude, TVector sign);

    /// <summary>left &lt; right ? then : otherwise, lane by lane; <paramref name="otherwise"/> where either is NaN.</summary>
    static abstract TVector SelectLess(TVector left, TVector right, TVector then, TVector otherwise);

    /// <summary>Lane i is <paramref name="then"/> where bit i of <paramref name="bits"/> is set, else <paramref name="otherwise"/>.</summary>
    static abstract TVector SelectBits(uint bits, TVector then, TVector otherwise);

    /// <summary>Bit i is set where lane i of <paramref name="left"/> is less than that of <paramref name="right"/>; a NaN is less than nothing.</summary>
    static abstract uint LessBits(TVector left, TVector right);

    /// <summary>Whether no lane is NaN or infinite.</summary>
    static abstract bool IsFinite(TVector value);

    /// <summary>value · 2^n, n being the integer in the low mantissa bits of <paramref name="shifted"/>; nothing guards against overflow.</summary>
    static abstract TVector ScaleByPowerOfTwo(TVector value, TVector shifted);
}
