using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host.Autograd;

/// <summary>Writing a tensor between the forward pass that read it and the backward pass that needs it.</summary>
[TestClass]
public sealed class WrittenTensorTests
{
    [TestMethod]
    [DeviceRows]
    public void A_tensor_that_backward_reads_must_not_change_before(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        foreach ((string name, Func<Tensor, Tensor, Tensor> forward) in s_reading)
        {
            foreach ((string how, Action<Tensor> write) in s_writing)
            {
                using StepScope step = device.BeginStep();
                using StepScope tape = device.BeginTape();
                (Tensor x, Tensor w) = (Leaf(device, [2, 2], 3f), Leaf(device, [2, 2], 5f));
                Tensor y = forward(x, w);
                write(x);
                var error = Assert.ThrowsExactly<InvalidOperationException>(() => tape.Backward(y, Filled(device, y.Shape, 1f)), $"{name}, {how}");
                Assert.Contains("2, 2]", error.Message);
                Assert.Contains("was written after the forward pass had read it", error.Message);
            }
        }
    }

    [TestMethod]
    [DeviceRows]
    public void A_tensor_that_backward_does_not_read_may_change(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        foreach ((string name, Func<Tensor, Tensor, Tensor> forward) in s_indifferent)
        {
            using StepScope step = device.BeginStep();
            (Tensor x, Tensor w) = (Leaf(device, [2, 2], 3f), Leaf(device, [2, 2], 5f));
            float[] expected = Gradient(device, x, () => forward(x, w), static () => { });
            CollectionAssert.AreEqual(expected, Gradient(device, x, () => forward(x, w), () => x.Write([7f, 8f, 9f, 10f])), name);
        }
    }

    [TestMethod]
    public void A_frozen_factor_may_not_change_and_its_partner_may()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using StepScope step = device.BeginStep();
        Tensor x = Leaf(device, [2, 2], 3f), frozen = Filled(device, [2, 2], 5f);
        CollectionAssert.AreEqual(new[] { 5f, 12f, 5f, 12f }, Gradient(device, x, () => Operators.Multiply(x, frozen), () => x.Write([1f, 1f, 1f, 1f])));
        Assert.ThrowsExactly<InvalidOperationException>(() => Gradient(device, x, () => Operators.Multiply(x, frozen), () => frozen.Write([1f, 1f, 1f, 1f])));
    }

    [TestMethod]
    public void What_is_not_on_the_way_to_the_loss_may_change()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using StepScope step = device.BeginStep();
        Tensor x = Leaf(device, [2], 3f), other = Leaf(device, [2], 5f);
        using StepScope tape = device.BeginTape();
        Operators.Multiply(other, other);
        Tensor y = Operators.Multiply(x, x);
        other.Write([1f, 1f]);
        tape.Backward(y, Filled(device, [2], 1f));
        CollectionAssert.AreEqual(new[] { 6f, 16f }, x.Gradient!.ToArray());
    }

    [TestMethod]
    public void A_view_is_the_same_memory()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using StepScope step = device.BeginStep();
        Tensor x = Leaf(device, [4], 3f);
        Assert.ThrowsExactly<InvalidOperationException>(
            () => Gradient(device, x, () => Operators.Multiply(x, x), () => x.Detach().Reshape([2, 2]).Write([1f, 1f, 1f, 1f])));
    }

    [TestMethod]
    public void What_is_computed_again_in_backward_must_not_change_before()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using StepScope step = device.BeginStep();
        Tensor x = Leaf(device, [2], 3f), w = Leaf(device, [2], 5f);
        Tensor Compute() => device.Checkpoint(() => Operators.Activate(Operators.Multiply(x, w), Activation.Gelu));
        float[] expected = Gradient(device, x, Compute, static () => { });
        CollectionAssert.AreEqual(expected, Gradient(device, x, Compute, static () => { }));
        Assert.ThrowsExactly<InvalidOperationException>(() => Gradient(device, x, Compute, () => w.Write([1f, 1f])));
    }

    private static readonly (string Name, Func<Tensor, Tensor, Tensor> Forward)[] s_reading =
    [
        ("Multiply", Operators.Multiply),
        ("MatrixMultiply", static (x, w) => Operators.MatrixMultiply(x, w)),
        ("Linear input", static (x, w) => Operators.Linear(x, w)),
        ("Linear weight", static (x, w) => Operators.Linear(w, x)),
        ("Activate", static (x, _) => Operators.Activate(x, Activation.Gelu)),
        ("SoftClamp", static (x, _) => Operators.SoftClamp(x, 2f)),
        ("LayerNorm", static (x, _) => Operators.LayerNorm(x, null)),
        ("RmsNorm", static (x, _) => Operators.RmsNorm(x, null)),
        ("GatedLinearUnit", static (x, _) => Operators.GatedLinearUnit(x, Activation.Silu)),
        ("MeanSquaredError", static (x, w) => Operators.MeanSquaredError(x, w.Detach())),
        ("Attention", static (x, w) => Operators.Attention(x.Reshape([1, 2, 2]), w.Reshape([1, 2, 2]), w.Reshape([1, 2, 2]), new ScoreOptions { Heads = 1 })),
    ];

    private static readonly (string Name, Func<Tensor, Tensor, Tensor> Forward)[] s_indifferent =
    [
        ("Add", Operators.Add),
        ("Scale", static (x, _) => Operators.Scale(x, 3f)),
        ("Softmax", static (x, _) => Operators.Softmax(Operators.Add(x, x))),
        ("Reshape", static (x, w) => Operators.Add(x.Reshape([4]), w.Reshape([4]))),
        ("Dropout", static (x, _) => Operators.Dropout(x, 0.5f, 1, 2)),
        ("bias", static (x, w) => Operators.Linear(w, w, x.Reshape([4]) is var flat ? Operators.SliceRows(flat.Reshape([1, 2, 2]), 0, 1).Reshape([2]) : null)),
    ];

    private static readonly (string How, Action<Tensor> Write)[] s_writing =
    [
        ("Write", static x => x.Write([1f, 2f, 3f, 4f])),
        ("CopyInto", static x => Operators.CopyInto(x, Filled(x.Device, x.Shape, 2f))),
        ("AddInto", static x => Operators.AddInto(x, Filled(x.Device, x.Shape, 2f))),
        ("InterpolateInto", static x => Operators.InterpolateInto(x, Filled(x.Device, x.Shape, 2f), 0.5f)),
        ("SgdUpdate", static x => Operators.SgdUpdate(x, Filled(x.Device, x.Shape, 2f), Filled(x.Device, x.Shape, 0f), 0.1)),
        (
            "AdamWUpdate",
            static x => Operators.AdamWUpdate(x, Filled(x.Device, x.Shape, 2f), Filled(x.Device, x.Shape, 0f), Filled(x.Device, x.Shape, 0f),
                new AdamWStep(0.1, 1))),
    ];

    private static float[] Gradient(ComputeDevice device, Tensor x, Func<Tensor> forward, Action between)
    {
        x.ClearGradient();
        using StepScope tape = device.BeginTape();
        Tensor y = forward();
        between();
        tape.Backward(y, Filled(device, y.Shape, 1f));
        return x.Gradient!.ToArray();
    }

    private static Tensor Leaf(ComputeDevice device, Shape shape, float value)
    {
        Tensor leaf = Filled(device, shape, value);
        leaf.RequiresGradient = true;
        return leaf;
    }

    private static Tensor Filled(ComputeDevice device, Shape shape, float value)
    {
        var values = new float[shape.Count];
        for (int i = 0; i < values.Length; i++)
            values[i] = value + i % 2;
        return Tensor.From(device, shape, values);
    }
}
