using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>
/// An activation chosen by number at run time, for epilogues: one compare chain per element beside thousands of multiplications costs nothing, while one
/// more compiled specialisation of a large kernel costs hundreds of milliseconds.
/// </summary>
internal static class ActivationCode
{
    public const int None = 0;
    public const int Gelu = 1;
    public const int Silu = 2;
    public const int ReluSquared = 3;
    public const int Relu = 4;
    public const int Sigmoid = 5;
    public const int Tanh = 6;
    public const int Erf = 7;

    /// <summary>f(x) in a GPU thread.</summary>
    public static float Apply(int code, float x)
    {
        if (code == Gelu)
            x = GeluActivation.Apply(x);
        else if (code == Silu)
            x = SiluActivation.Apply(x);
        else if (code == ReluSquared)
            x = ReluSquaredActivation.Apply(x);
        else if (code == Relu)
            x = ReluActivation.Apply(x);
        else if (code == Sigmoid)
            x = SigmoidActivation.Apply(x);
        else if (code == Tanh)
            x = TanhActivation.Apply(x);
        else if (code == Erf)
            x = ErfActivation.Apply(x);
        return x;
    }

    /// <summary>f(x) in sixteen SIMD lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(int code, Vector512<float> x) => code switch
    {
        Gelu => GeluActivation.Apply(x),
        Silu => SiluActivation.Apply(x),
        ReluSquared => ReluSquaredActivation.Apply(x),
        Relu => ReluActivation.Apply(x),
        Sigmoid => SigmoidActivation.Apply(x),
        Tanh => TanhActivation.Apply(x),
        Erf => ErfActivation.Apply(x),
        _ => x,
    };
}
