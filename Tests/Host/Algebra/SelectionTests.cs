using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host;

/// <summary>Comparisons and choices: C#'s operators, NaN, what is not chosen, masks, and arguments that do not fit.</summary>
[TestClass]
public sealed class SelectionTests
{
    [TestMethod]
    [DeviceRows(DType.Float32), DeviceRows(DType.BFloat16)]
    public void A_number_stands_for_a_tensor_of_it(string id, DType dtype)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep(record: true);
        Tensor x = Tensor.From(device, [3], [-1f, 2f, float.NaN], dtype);
        x.RequiresGradient = true;
        Tensor floor = Operators.Maximum(x, 0.5f), ceiling = Operators.Minimum(x, 0.5f);
        CollectionAssert.AreEqual(new[] { 0.5f, 2f, float.NaN }, floor.ToArray());
        CollectionAssert.AreEqual(new[] { -1f, 0.5f, float.NaN }, ceiling.ToArray());
        CollectionAssert.AreEqual(new[] { 7f, 2f, 7f }, Operators.Where(x > 0f, x, 7f).ToArray());
        CollectionAssert.AreEqual(new[] { -1f, 7f, float.NaN }, Operators.Where(x > 0f, 7f, x).ToArray());
        step.Backward(Operators.Cast(Operators.Where(x > 0f, floor, 7f).Sum(), DType.Float32));
        CollectionAssert.AreEqual(new[] { 0f, 1f, 0f }, x.Gradient!.ToArray());
    }

    [TestMethod]
    [DeviceRows(Simulator = true)]
    public void Comparisons_of_the_language_give_masks(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor a = Tensor.From(device, [4], [1f, 2f, 3f, float.NaN]), b = Tensor.From(device, [], [2f]);
        Is([true, false, false, false], a < b, a < 2f, 2f > a, b > a);
        Is([true, true, false, false], a <= b, a <= 2f, 2f >= a, b >= a);
        Is([false, false, true, false], a > b, a > 2f, 2f < a, b < a);
        Is([false, true, true, false], a >= b, a >= 2f, 2f <= a, b <= a);
        Is([false, true, false, false], Operators.Equal(a, b), Operators.Equal(a, 2f));
        Is([true, false, true, true], Operators.NotEqual(a, b), Operators.NotEqual(a, 2f));
        Is([true, true, true, true], Operators.NotEqual(a, float.NaN));

        static void Is(bool[] expected, params Tensor[] masks)
        {
            foreach (Tensor mask in masks)
                CollectionAssert.AreEqual(expected, mask.ToBoolArray());
        }
    }

    [TestMethod]
    [DeviceRows(Simulator = true)]
    public void What_is_not_chosen_contributes_nothing_whatever_it_holds(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor x = Tensor.From(device, [3], [-4f, 4f, float.NaN]);
        x.RequiresGradient = true;
        using StepScope tape = device.BeginTape();
        Tensor root = Operators.Where(x > 0f, x, Tensor.From(device, [1], [7f]));
        CollectionAssert.AreEqual(new[] { 7f, 4f, 7f }, root.ToArray());
        tape.Backward(root, Tensor.From(device, [3], [float.NaN, 2f, float.PositiveInfinity]));
        CollectionAssert.AreEqual(new[] { 0f, 2f, 0f }, x.Gradient!.ToArray());
        x.ClearGradient();
    }

    [TestMethod]
    [DeviceRows]
    public void Wrong_arguments_are_named_and_nothing_is_launched(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor x = Tensor.Empty(device, [2, 3]), mask = Tensor.Empty(device, [2, 3], DType.Bool);
        long launches = device.Statistics.Launches;
        Refuses("right", "[2, 2]", () => Operators.Less(x, Tensor.Empty(device, [2, 2])));
        Refuses("right", "Float16", () => Operators.Equal(x, Tensor.Empty(device, [3], DType.Float16)));
        Refuses("left", "Bool", () => Operators.Greater(mask, 0f));
        Refuses("condition", "Float32", () => Operators.Where(x, x, x));
        Refuses("left", "[4]", () => Operators.Where(mask, Tensor.Empty(device, [4]), x));
        Refuses("right", "[4]", () => Operators.Where(mask, x, Tensor.Empty(device, [4])));
        Refuses("right", "BFloat16", () => Operators.Where(mask, x, Tensor.Empty(device, [3], DType.BFloat16)));
        Assert.AreEqual(launches, device.Statistics.Launches);
        Tensor none = Operators.Where(Tensor.Empty(device, [0, 1], DType.Bool), Tensor.Empty(device, [1, 3]), Tensor.Empty(device, []));
        Assert.AreEqual(new Shape(0, 3), none.Shape);
        Assert.AreEqual(DType.Bool, (Tensor.Empty(device, [0]) < 1f).DType);
    }

    private static void Refuses(string argument, string what, Action action)
    {
        ArgumentException exception = Assert.Throws<ArgumentException>(action);
        Assert.AreEqual(argument, exception.ParamName);
        Assert.Contains(what, exception.Message);
    }
}
