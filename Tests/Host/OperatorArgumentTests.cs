using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host;

/// <summary>Wrong arguments of the elementwise, row-wise and lookup operators: named, explained, and nothing launched. Empty ones: empty results.</summary>
[TestClass]
public sealed class OperatorArgumentTests
{
    [TestMethod]
    public void A_wrong_argument_is_named_with_what_it_is_and_what_it_should_be()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using StepScope scope = device.BeginStep();
        Tensor Make(params int[] shape) => Tensor.Zeros(device, shape);
        Tensor integers = Tensor.From(device, [3], [1, 2, 3]);
        long launches = device.Statistics.Launches;

        Refuses("right", "[2, 3]", () => Operators.Add(Make(2, 3), Make(3, 2)));
        Refuses("right", "Float16", () => Operators.Multiply(Make(2), Tensor.Zeros(device, [2], DType.Float16)));
        Refuses("input", "Int32", () => Operators.Activate(integers, Activation.Gelu));
        Refuses("activation", "Gelu", () => Operators.Activate(Make(2), (Activation)77));
        Refuses("value", "-1", () => Operators.SoftClamp(Make(2), -1f));
        Refuses("factor", "NaN", () => Operators.Scale(Make(2), float.NaN));
        Refuses("dtype", "Int32", () => Operators.Cast(Make(2), DType.Int32));
        Refuses("gain", "[5]", () => Operators.RmsNorm(Make(4, 5), Make(4)));
        Refuses("gain", "[3, 5]", () => Operators.LayerNorm(Make(4, 5), Make(3, 5)));
        Refuses("shift", "[7]", () => Operators.ScaleAndShift(Make(4, 5), Make(5), Make(7)));
        Refuses("input", "even", () => Operators.GatedLinearUnit(Make(2, 5), Activation.Silu));
        Refuses("multiplier", "[3]", () => Operators.GatedLinearUnit(Make(2, 6), Activation.Silu, Make(6)));
        Refuses("gateClamp", "0", () => Operators.GatedLinearUnit(Make(2, 6), Activation.Silu, gateClamp: 0f));
        Refuses("table", "[4]", () => Operators.Embedding(Make(4), integers));
        Refuses("ids", "3 at position 2", () => Operators.Embedding(Make(3, 5), integers));
        Refuses("ids", "Float32", () => Operators.Embedding(Make(3, 5), Make(3)));
        Refuses("index", "[2, m]", () => Operators.GatherRows(Make(2, 3, 4), integers));
        Refuses("index", "-1", () => Operators.GatherRows(Make(1, 3, 4), Tensor.From(device, [1, 1], [-1])));
        Refuses("second", "[2, 3, 5]", () => Operators.Concatenate(Make(2, 3, 4), Make(2, 3, 5)));
        Refuses("second", "[3, 3, 4]", () => Operators.Concatenate(Make(2, 3, 4), Make(3, 3, 4)));
        Refuses("image", "[2, 3, 4]", () => Operators.ImageToPatches(Make(2, 3, 4), 2));
        Refuses("patchSize", "4 × 6", () => Operators.ImageToPatches(Make(2, 3, 4, 6), 4));
        Refuses("patches", "6 patches of 4 pixels", () => Operators.PatchesToImage(Make(2, 5, 8), 4, 6, 2));
        Refuses("start", "4", () => Operators.SliceRows(Make(2, 3, 4), 4, 0));
        Refuses("count", "2 rows", () => Operators.SliceRows(Make(2, 3, 4), 1, 3));
        Refuses("rowMask", "[2, 3]", () => Operators.MaskRows(Make(2, 3, 4), Tensor.From(device, [3], [true, true, false])));
        Refuses("groups", "6", () => Operators.SumRows(Make(2, 3, 4), 4));
        Assert.AreEqual(launches, device.Statistics.Launches, "nothing is launched for refused arguments");
    }

    [TestMethod]
    [DeviceRows]
    public void Operators_on_empty_tensors_return_empty_tensors(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope scope = device.BeginStep();
        Tensor rows = Tensor.Empty(device, [2, 0, 4]), narrow = Tensor.Empty(device, [3, 0]);
        foreach (Tensor x in new[] { rows, narrow })
        {
            Assert.AreEqual(x.Shape, Operators.Add(x, x).Shape);
            Assert.AreEqual(x.Shape, Operators.Activate(x, Activation.Gelu).Shape);
            Assert.AreEqual(x.Shape, Operators.LayerNorm(x, null).Shape);
            Assert.AreEqual(x.Shape, Operators.RmsNorm(x, null).Shape);
            Assert.AreEqual(x.Shape, Operators.Softmax(x).Shape);
            Assert.AreEqual(x.Shape, Operators.ScaleAndShift(x, null, null).Shape);
            Assert.AreEqual(x.Shape, Operators.Cast(x, DType.Float16).Shape);
            Assert.AreEqual(x.Shape, Operators.Dropout(x, 0.5f, 1, 1).Shape);
        }

        Tensor context = Tensor.From(device, [2, 1, 4], new float[8]);
        CollectionAssert.AreEqual(context.ToArray(), Operators.Concatenate(rows, context).ToArray());
        Assert.AreEqual(new Shape(2, 0, 4), Operators.SliceRows(context, 1, 0).Shape);
        Assert.AreEqual(new Shape(0, 4), Operators.Embedding(Tensor.Zeros(device, [3, 4]), Tensor.From(device, [0], Array.Empty<int>())).Shape);
        CollectionAssert.AreEqual(new float[4], Operators.SumRows(rows).ToArray());
        CollectionAssert.AreEqual(
            new float[12], Operators.EmbeddingBackward(Tensor.Empty(device, [0, 4]), Tensor.From(device, [0], Array.Empty<int>()), 3).ToArray());
    }

    [TestMethod]
    [DeviceRows]
    public void A_row_of_zeros_has_a_norm_of_zeros(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope scope = device.BeginStep();
        Tensor zeros = Tensor.Zeros(device, [2, 17]), ones = Tensor.From(device, [2, 17], [.. Enumerable.Repeat(1f, 34)]);
        CollectionAssert.AreEqual(new float[34], Operators.RmsNorm(zeros, null).ToArray());
        CollectionAssert.AreEqual(new float[34], Operators.LayerNorm(zeros, null).ToArray());
        Assert.IsTrue(Operators.RmsNormBackward(ones, zeros, null).InputGradient.ToArray().All(float.IsFinite));
    }

    private static void Refuses(string argument, string explanation, Action call)
    {
        ArgumentException error = Assert.Throws<ArgumentException>(call);
        Assert.AreEqual(argument, error.ParamName, error.Message);
        Assert.Contains(explanation, error.Message);
    }
}
