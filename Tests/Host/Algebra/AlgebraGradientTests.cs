using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host;

/// <summary>The tensor algebra on the tape against finite differences, broadcast along leading, middle and trailing axes.</summary>
[TestClass]
public sealed class AlgebraGradientTests
{
    [TestMethod]
    [DeviceRows]
    public void Functions_of_one_number(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        GradientCheck.Agrees(device, x => Operators.Exp(x[0]), Input([3, 7], 1));
        GradientCheck.Agrees(device, x => Operators.Tanh(x[0]), Input([17], 2));
        GradientCheck.Agrees(device, x => Operators.Sin(x[0]), Input([17], 2));
        GradientCheck.Agrees(device, x => Operators.Cos(x[0]), Input([3, 5], 2));
        GradientCheck.Agrees(device, x => Operators.Softplus(x[0]), Input([17], 2));
        GradientCheck.Agrees(device, x => Operators.Sigmoid(x[0]), Input([17], 3));
        GradientCheck.Agrees(device, x => Operators.Abs(x[0]), Input([17], 4));
        GradientCheck.Agrees(device, x => Operators.Negate(x[0]), Input([17], 5));
        GradientCheck.Agrees(device, x => Operators.Square(x[0]), Input([17], 17));
        GradientCheck.Agrees(device, x => Operators.Sign(x[0]), Input([17], 18));
        GradientCheck.Agrees(device, x => Operators.Affine(x[0], -0.5f, 3f), Input([17], 19));
        GradientCheck.Agrees(device, x => Operators.Divide(x[0], -3f), Input([17], 20));
        GradientCheck.Agrees(device, x => Operators.Divide(-3f, x[0]), Away([17], 21, isSigned: true));
        GradientCheck.Agrees(device, x => Operators.Power(x[0], 3f), Input([17], 22));
        GradientCheck.Agrees(device, x => Operators.Power(x[0], -1.5f), Away([17], 23, isSigned: false));
        GradientCheck.Agrees(device, x => Operators.Log(x[0]), Away([17], 6, isSigned: false));
        GradientCheck.Agrees(device, x => Operators.Sqrt(x[0]), Away([17], 7, isSigned: false));
        GradientCheck.Agrees(device, x => Operators.Reciprocal(x[0]), Away([17], 8, isSigned: true));
    }

    [TestMethod]
    [DeviceRows]
    public void Functions_of_two_numbers(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        foreach ((Shape left, Shape right) in new (Shape, Shape)[] { ([3, 4], [3, 4]), ([3, 4], [4]), ([2, 1, 4], [3, 1]), ([2, 3], []), ([1, 3], [4, 1, 3]),
            ([1], [2, 3, 2]) })
        {
            GradientCheck.Agrees(device, x => Operators.Add(x[0], x[1]), Input(left, 9), Input(right, 10));
            GradientCheck.Agrees(device, x => Operators.Multiply(x[0], x[1]), Input(left, 11), Input(right, 12));
            GradientCheck.Agrees(device, x => Operators.Subtract(x[0], x[1]), Input(left, 13), Input(right, 14));
            GradientCheck.Agrees(device, x => Operators.Divide(x[0], x[1]), Input(left, 15), Away(right, 16, isSigned: true));
            GradientCheck.Agrees(device, x => Operators.Power(x[0], x[1]), Away(left, 24, isSigned: false), Input(right, 25));
        }
    }

    // One operand lies on a grid of quarters and the other between, so that no step crosses a kink.
    [TestMethod]
    [DeviceRows]
    public void The_larger_and_the_smaller_of_two(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        (Shape, float[]) left = ([2, 5], [-1f, -0.5f, 0f, 0.5f, 1f, 1f, 0.25f, 0f, -0.25f, -1f]), right = ([5], [0.125f, -0.625f, 0.375f, 0.125f, -1.125f]);
        GradientCheck.Agrees(device, x => Operators.Maximum(x[0], x[1]), left, right);
        GradientCheck.Agrees(device, x => Operators.Minimum(x[0], x[1]), left, right);
    }

    [TestMethod]
    [DeviceRows]
    public void The_chosen_of_two(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        bool[] flags = [true, false, false, true, false, true];
        (Shape, Shape, Shape)[] shapes = [([2, 3], [2, 3], [2, 3]), ([2, 3], [3], [2, 1]), ([6], [2, 1], [])];
        foreach ((Shape condition, Shape left, Shape right) in shapes)
            GradientCheck.Agrees(device, x => Operators.Where(Tensor.From(device, condition, flags), x[0], x[1]), Input(left, 26), Input(right, 27));
    }

    private static (Shape Shape, float[] Values) Input(Shape shape, int seed) => (shape, GradientCheck.Values(checked((int)shape.Count), seed));

    private static (Shape Shape, float[] Values) Away(Shape shape, int seed, bool isSigned)
        => (shape, Array.ConvertAll(GradientCheck.Values(checked((int)shape.Count), seed), x => isSigned && x < 0 ? x - 0.8f : Math.Abs(x) + 0.8f));
}
