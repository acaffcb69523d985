using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host;

/// <summary>The reductions on the tape against finite differences, over leading, middle, trailing, separate and all axes.</summary>
[TestClass]
public sealed class ReductionGradientTests
{
    [TestMethod]
    [DeviceRows]
    public void Over_any_axes(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        (Shape, float[]) x = ([2, 3, 4], GradientCheck.Values(24, 1));
        foreach (Axes axes in new Axes[] { 0, 1, -1, new[] { 0, 2 }, default })
        {
            GradientCheck.Agrees(device, t => Operators.Sum(t[0], axes), x);
            GradientCheck.Agrees(device, t => Operators.Mean(t[0], axes, keepDim: true), x);
            GradientCheck.Agrees(device, t => Operators.Variance(t[0], axes), x);
            GradientCheck.Agrees(device, t => Operators.LogSumExp(t[0], axes), x);
            GradientCheck.Agrees(device, t => Operators.Norm(t[0], axes), x);
        }
    }

    // Further apart than the steps reach.
    [TestMethod]
    [DeviceRows]
    public void The_largest_and_the_smallest(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        (Shape, float[]) x = ([2, 5], [0.5f, -1f, 1f, 0f, 0.25f, -0.5f, 0.75f, -0.25f, 1.25f, -0.75f]);
        GradientCheck.Agrees(device, t => Operators.Max(t[0], 1), x);
        GradientCheck.Agrees(device, t => Operators.Min(t[0], 0), x);
    }
}
