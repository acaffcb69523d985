using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host;

/// <summary>Every operator on the tape against finite differences; attention has a class of its own.</summary>
[TestClass]
public sealed class OperatorGradientTests
{
    [TestMethod]
    [DeviceRows(Activation.None), DeviceRows(Activation.Gelu), DeviceRows(Activation.Silu), DeviceRows(Activation.ReluSquared)]
    [DeviceRows(Activation.Relu), DeviceRows(Activation.Sigmoid), DeviceRows(Activation.Tanh), DeviceRows(Activation.Erf)]
    public void Activate(string id, Activation activation)
        => GradientCheck.Agrees(TestDevices.Get(id), x => Operators.Activate(x[0], activation), Input([2, 9], 1));

    [TestMethod]
    [DeviceRows]
    public void SoftClamp(string id) => GradientCheck.Agrees(TestDevices.Get(id), x => Operators.SoftClamp(x[0], 1.2f), Input([17], 2));

    [TestMethod]
    [DeviceRows]
    public void Arithmetic(string id)
        => GradientCheck.Agrees(
            TestDevices.Get(id), x => Operators.Scale(Operators.Multiply(Operators.Add(x[0], x[1]), x[1]), -0.7f), Input([3, 7], 3), Input([3, 7], 4));

    [TestMethod]
    [DeviceRows(true, true), DeviceRows(false, false)]
    public void GatedLinearUnit(string id, bool multiplied, bool clamped)
    {
        float? valueClamp = clamped ? 2f : null, gateClamp = clamped ? 1.5f : null;
        if (multiplied)
            GradientCheck.Agrees(
                TestDevices.Get(id), x => Operators.GatedLinearUnit(x[0], Activation.Gelu, x[1], valueClamp, gateClamp), Input([3, 10], 5), Input([5], 6));
        else
            GradientCheck.Agrees(TestDevices.Get(id), x => Operators.GatedLinearUnit(x[0], Activation.Silu, null, valueClamp, gateClamp), Input([3, 10], 5));
    }

    [TestMethod]
    [DeviceRows(0), DeviceRows(1), DeviceRows(2), DeviceRows(-1)]
    public void LayerNorm(string id, int groups) => Norm(id, groups, static (x, gain) => Operators.LayerNorm(x, gain, 1f));

    [TestMethod]
    [DeviceRows(0), DeviceRows(1), DeviceRows(2), DeviceRows(-1)]
    public void RmsNorm(string id, int groups) => Norm(id, groups, static (x, gain) => Operators.RmsNorm(x, gain, 1f));

    [TestMethod]
    [DeviceRows(1, -1), DeviceRows(2, 1), DeviceRows(-1, 2)]
    public void ScaleAndShift(string id, int scaleGroups, int shiftGroups)
        => GradientCheck.Agrees(
            TestDevices.Get(id), x => Operators.ScaleAndShift(x[0], x[1], x[2], 1f), Input([2, 2, 9], 7), Gain(scaleGroups, 9, 8), Gain(shiftGroups, 9, 9));

    [TestMethod]
    [DeviceRows]
    public void Softmax(string id) => GradientCheck.Agrees(TestDevices.Get(id), x => Operators.Softmax(x[0]), Input([3, 7], 10));

    [TestMethod]
    [DeviceRows]
    public void Embedding_adds_up_repeated_ids(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        GradientCheck.Agrees(device, x => Operators.Embedding(x[0], Tensor.From(device, [2, 3], [4L, 0, 4, 4, 2, 0]), 0.5f), Input([5, 3], 11));
    }

    [TestMethod]
    [DeviceRows]
    public void Gather_scatter_slice_pad_and_mask(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        Tensor Index() => Tensor.From(device, [2, 4], [2, 0, 2, 1, 1, 1, 1, 0]);
        GradientCheck.Agrees(device, x => Operators.GatherRows(x[0], Index()), Input([2, 3, 5], 12));
        GradientCheck.Agrees(device, x => Operators.ScatterRows(x[0], Index(), 4), Input([2, 4, 5], 13));
        GradientCheck.Agrees(device, x => Operators.SliceRows(x[0], 1, 2), Input([2, 4, 3], 14));
        GradientCheck.Agrees(device, x => Operators.PadRows(x[0], 1, 5), Input([2, 3, 3], 15));
        GradientCheck.Agrees(device, x => Operators.MaskRows(x[0], Tensor.From(device, [2, 3], [true, false, true, true, true, false])), Input([2, 3, 5], 16));
    }

    [TestMethod]
    [DeviceRows(1, 2), DeviceRows(2, 2), DeviceRows(2, 1)]
    public void Concatenate(string id, int firstBatch, int secondBatch)
        => GradientCheck.Agrees(TestDevices.Get(id), x => Operators.Concatenate(x[0], x[1]), Input([firstBatch, 2, 3], 17), Input([secondBatch, 3, 3], 18));

    [TestMethod]
    [DeviceRows(0), DeviceRows(1)]
    public void Pairs_are_rotated_back(string id, int firstHead)
    {
        ComputeDevice device = TestDevices.Get(id);
        using Tensor table = Tensor.From(device, [1, 3, 4], Input([1, 3, 4], 32).Values);
        GradientCheck.Agrees(device, x => Operators.RotatePairs(x[0], table, 2, firstHead), Input([2, 3, 10], 33));
    }

    [TestMethod]
    [DeviceRows]
    public void Images_and_patches(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        GradientCheck.Agrees(device, x => Operators.ImageToPatches(x[0], 2), Input([2, 3, 4, 6], 30));
        GradientCheck.Agrees(device, x => Operators.PatchesToImage(x[0], 4, 6, 2), Input([1, 6, 8], 31));
    }

    [TestMethod]
    [DeviceRows]
    public void Dropout_draws_the_same_mask_again(string id)
        => GradientCheck.Agrees(TestDevices.Get(id), x => Operators.Dropout(x[0], 0.4f, seed: 5, stream: 6), Input([100], 19));

    [TestMethod]
    [DeviceRows(false, false), DeviceRows(true, false), DeviceRows(false, true), DeviceRows(true, true)]
    public void MatrixMultiply(string id, bool transposeLeft, bool transposeRight)
        => GradientCheck.Agrees(
            TestDevices.Get(id),
            x => Operators.MatrixMultiply(x[0], x[1], transposeLeft, transposeRight),
            Input(transposeLeft ? [5, 3] : [3, 5], 25),
            Input(transposeRight ? [4, 5] : [5, 4], 26));

    [TestMethod]
    [DeviceRows(Activation.None), DeviceRows(Activation.Gelu)]
    public void Linear(string id, Activation activation)
    {
        ComputeDevice device = TestDevices.Get(id);
        GradientCheck.Agrees(
            device,
            x => Operators.Linear(x[0], x[1], x[2], activation, x[3], Tensor.From(device, [2, 3], [true, false, true, true, true, false])),
            Input([2, 3, 5], 27),
            Input([4, 5], 28),
            Input([4], 29),
            Input([2, 3, 4], 30));
    }

    // Two of the rows, the second and the last, do not count.
    [TestMethod]
    [DeviceRows(0f), DeviceRows(0.2f)]
    public void SoftmaxCrossEntropy(string id, float labelSmoothing)
    {
        ComputeDevice device = TestDevices.Get(id);
        GradientCheck.Agrees(
            device,
            x => Operators.SoftmaxCrossEntropy(x[0], Tensor.From(device, [2, 3], [3L, -100, 0, 6, 6, -100]), -100, labelSmoothing),
            Input([2, 3, 7], 31));
    }

    // The target of a row is the next one's token; the last of each sequence has none, and one token does not count.
    [TestMethod]
    [DeviceRows(0f), DeviceRows(0.2f)]
    public void NextTokenCrossEntropy(string id, float labelSmoothing)
    {
        ComputeDevice device = TestDevices.Get(id);
        GradientCheck.Agrees(
            device,
            x => Operators.NextTokenCrossEntropy(x[0], Tensor.From(device, [2, 4], [3L, -100, 0, 6, 6, 1, 2, 5]), -100, labelSmoothing),
            Input([2, 4, 7], 33));
    }

    [TestMethod]
    [DeviceRows(false), DeviceRows(true)]
    public void MeanSquaredError(string id, bool masked)
    {
        ComputeDevice device = TestDevices.Get(id);
        float[] target = GradientCheck.Values(30, 32);
        GradientCheck.Agrees(
            device,
            x => Operators.MeanSquaredError(
                x[0], Tensor.From(device, [2, 3, 5], target), masked ? Tensor.From(device, [2, 3], [true, false, true, true, true, false]) : null),
            Input([2, 3, 5], 33));
    }

    [TestMethod]
    [DeviceRows]
    public void HuberLoss(string id)
    {
        float[] target = GradientCheck.Values(30, 22);
        GradientCheck.Agrees(
            TestDevices.Get(id),
            x => Operators.HuberLoss(x[0], Tensor.From(TestDevices.Get(id), [2, 3, 5], target), 0.3f),
            Input([2, 3, 5], 21));
    }

    // The numbers and their neighbours at a step's distance are exact in float16, where the steps would otherwise drown.
    [TestMethod]
    [DeviceRows]
    public void Cast(string id)
        => GradientCheck.Agrees(
            TestDevices.Get(id), x => Operators.Cast(Operators.Cast(x[0], DType.Float16), DType.Float32), ([2, 2], [1.25f, -1.5f, 1.75f, 0.5f]));

    [TestMethod]
    [DeviceRows]
    public void The_gradient_of_a_gain_is_the_same_bits_every_time(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope scope = device.BeginStep();
        Tensor input = Tensor.From(
            device, [300, 40], GradientCheck.Values(12000, 20)), gradient = Tensor.From(device, [300, 40], GradientCheck.Values(12000, 21));
        Tensor gain = Tensor.From(device, [40], GradientCheck.Values(40, 22));
        float[] first = Operators.LayerNormBackward(gradient, input, gain).GainGradient!.ToArray();
        for (int repeat = 0; repeat < 5; repeat++)
            CollectionAssert.AreEqual(first, Operators.LayerNormBackward(gradient, input, gain).GainGradient!.ToArray());
    }

    private static void Norm(string id, int groups, Func<Tensor, Tensor?, Tensor> norm)
    {
        if (groups == 0)
            GradientCheck.Agrees(TestDevices.Get(id), x => norm(x[0], null), Input([4, 9], 23));
        else
            GradientCheck.Agrees(TestDevices.Get(id), x => norm(x[0], x[1]), Input([4, 9], 23), Gain(groups, 9, 24));
    }

    private static (Shape Shape, float[] Values) Input(Shape shape, int seed) => (shape, GradientCheck.Values(checked((int)shape.Count), seed));

    // −1: one number for all rows.
    private static (Shape Shape, float[] Values) Gain(int groups, int dim, int seed) => Input(groups < 0 ? [1] : groups == 1 ? [dim] : [groups, dim], seed);
}
