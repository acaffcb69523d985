using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host;

/// <summary>Operators that change the shape, on the tape against finite differences.</summary>
[TestClass]
public sealed class ShapeGradientTests
{
    [TestMethod]
    [DeviceRows]
    public void Axes_are_reordered_cut_joined_and_repeated(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        (Shape, float[]) x = Input([2, 3, 4], 1), y = Input([2, 2, 4], 2);
        GradientCheck.Agrees(device, t => Operators.Permute(t[0], 2, 0, 1), x);
        GradientCheck.Agrees(device, t => Operators.Transpose(t[0], -1, 1), x);
        GradientCheck.Agrees(device, t => Operators.Narrow(t[0], 1, 1, 2), x);
        GradientCheck.Agrees(device, t => Operators.Concatenate([t[0], t[1], t[0]], 1), x, y);
        GradientCheck.Agrees(device, t => Operators.Expand(t[0], [3, 2, 3, 5]), Input([2, 3, 1], 3));
    }

    private static (Shape Shape, float[] Values) Input(Shape shape, int seed) => (shape, GradientCheck.Values(checked((int)shape.Count), seed));
}
