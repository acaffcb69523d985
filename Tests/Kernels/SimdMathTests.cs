using System.Runtime.Intrinsics;
using GpuTransformer.Kernels;

namespace GpuTransformer.Tests;

[TestClass]
public sealed class SimdMathTests
{
    [TestMethod]
    public void The_exponential_is_within_two_units_in_the_last_place()
    {
        for (float x = -87.25f; x <= 0f; x += 0.0137f)
        {
            double exact = Math.Exp(x);
            foreach (float y in EveryWidth(x, Function.Exp))
                Assert.AreEqual(exact, y, 1.2e-7 * exact, $"e^{x}");
        }
    }

    [TestMethod]
    public void Out_of_range_the_exponential_is_exactly_zero()
    {
        foreach (float x in new[] { -87.4f, -1000f, -1e30f, float.MinValue, float.NegativeInfinity })
        {
            foreach (float y in EveryWidth(x, Function.Exp))
                Assert.AreEqual(0f, y, $"e^{x}");
        }

        foreach (float y in EveryWidth(float.NaN, Function.Exp))
            Assert.IsTrue(float.IsNaN(y));
    }

    [TestMethod]
    public void The_hyperbolic_tangent_keeps_its_relative_precision_around_zero()
    {
        for (int i = -2000; i <= 2000; i++)
        {
            float x = MathF.CopySign(MathF.Pow(10f, (Math.Abs(i) - 1000) / 600f), i);
            double exact = Math.Tanh(x);
            foreach (float y in EveryWidth(x, Function.Tanh))
                Assert.AreEqual(exact, y, 2.5e-7 * Math.Abs(exact), $"tanh {x}");
        }
    }

    private enum Function
    {
        Exp,
        Tanh,
    }

    private static float[] EveryWidth(float x, Function function) => function == Function.Exp
        ? [
            SimdMath<Simd512, Vector512<float>>.Exp(Vector512.Create(x))[15],
            SimdMath<Simd256, Vector256<float>>.Exp(Vector256.Create(x))[7],
            SimdMath<Simd128, Vector128<float>>.Exp(Vector128.Create(x))[3],
        ]
        : [
            SimdMath<Simd512, Vector512<float>>.Tanh(Vector512.Create(x))[15],
            SimdMath<Simd256, Vector256<float>>.Tanh(Vector256.Create(x))[7],
            SimdMath<Simd128, Vector128<float>>.Tanh(Vector128.Create(x))[3],
        ];
}
