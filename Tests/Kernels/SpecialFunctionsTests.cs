using System.Runtime.Intrinsics;
using GpuTransformer.Kernels;
using GpuTransformer.Validation;

namespace GpuTransformer.Tests;

[TestClass]
public class SpecialFunctionsTests
{
    [TestMethod]
    [DataRow(ActivationCode.Gelu)]
    [DataRow(ActivationCode.Silu)]
    [DataRow(ActivationCode.ReluSquared)]
    [DataRow(ActivationCode.Relu)]
    [DataRow(ActivationCode.Sigmoid)]
    [DataRow(ActivationCode.Tanh)]
    [DataRow(ActivationCode.Erf)]
    public void BothFormsMatchTheDefinition(int code)
    {
        for (int i = -4000; i <= 4000; i++)
        {
            float x = i / 400f;
            double exact = ActivationReference.Apply<double>(code, x);
            double limit = 2.5e-7 * Math.Max(Math.Abs(exact), Math.Min(Math.Abs(x), 1f));
            Assert.AreEqual(exact, ActivationCode.Apply(code, x), limit, $"scalar at {x}");
            Assert.AreEqual(exact, ActivationCode.Apply(code, Vector512.Create(x))[3], limit, $"vector at {x}");
        }
    }

    [TestMethod]
    [DataRow(ActivationCode.Gelu, -1e30f, 0f)]
    [DataRow(ActivationCode.Gelu, 1e30f, 1e30f)]
    [DataRow(ActivationCode.Silu, -1000f, 0f)]
    [DataRow(ActivationCode.Sigmoid, -1000f, 0f)]
    [DataRow(ActivationCode.Sigmoid, 1000f, 1f)]
    [DataRow(ActivationCode.Tanh, -1000f, -1f)]
    [DataRow(ActivationCode.Erf, 1e20f, 1f)]
    public void FarOutTheLimitIsReached(int code, float x, float expected)
    {
        Assert.AreEqual(expected, ActivationCode.Apply(code, x), 1e-30f, "scalar");
        Assert.AreEqual(expected, ActivationCode.Apply(code, Vector512.Create(x))[0], 1e-30f, "vector");
    }

    [TestMethod]
    [DataRow(0.1, 0.1124629160182849)]
    [DataRow(1.0, 0.8427007929497149)]
    [DataRow(2.4, 0.9993114861033549)]
    [DataRow(2.6, 0.9997639655834707)]
    [DataRow(-4.0, -0.9999999845827421)]
    public void TheOracleOfErfIsExact(double x, double erf) => Assert.AreEqual(erf, ActivationReference.Erf(x), 2e-16);

    [TestMethod]
    public void ThePowerOfTwoIsExactToRounding()
    {
        for (float x = -125.9f; x < 127f; x += 0.037f)
            Assert.AreEqual(1.0, SpecialFunctions.PowerOfTwo(Vector512.Create(x))[0] / Math.Pow(2, x), 1.5e-7, $"at {x}");
    }
}
