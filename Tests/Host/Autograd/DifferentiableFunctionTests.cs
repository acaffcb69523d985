using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host.Autograd;

/// <summary>Differentiable operators of a user's own: what is right about them, and what is said where one is wrong.</summary>
[TestClass]
public sealed class DifferentiableFunctionTests
{
    private static readonly Shape s_shape = [2, 3];
    private static readonly float[] s_x = GradientCheck.Values(6, 1), s_w = GradientCheck.Values(6, 2);

    [TestMethod]
    [DeviceRows(Simulator = true)]
    public void Its_gradient_is_that_of_its_function(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        GradientCheck.Agrees(device, static t => new Product().Apply(t[0], t[1]), (s_shape, s_x), (s_shape, s_w));
        GradientCheck.Agrees(device, static t => Operators.Multiply(new Product().Apply(t[0], t[0]), t[1]), (s_shape, s_x), (s_shape, s_w));
        GradientCheck.Agrees(
            device, t => device.Checkpoint(() => Operators.Scale(new Product().Apply(Operators.Scale(t[0], 2), t[1]), 3)), (s_shape, s_x), (s_shape, s_w));
    }

    [TestMethod]
    [DeviceRows]
    public void Recomputed_it_has_the_same_gradient_bit_for_bit(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        float[] kept = Gradient(device, static (x, w) => new Product().Apply(x, w));
        CollectionAssert.AreEqual(kept, Gradient(device, (x, w) => device.Checkpoint(() => new Product().Apply(x, w))));
    }

    [TestMethod]
    public void It_is_one_record_and_what_it_left_behind_is_freed()
    {
        ComputeDevice device = TestDevices.GetSettled("cpu");
        using StepScope step = device.BeginStep();
        (Tensor x, Tensor w) = Leaves(device);
        long before = device.Statistics.LiveTensors;
        using StepScope tape = device.BeginTape();
        Tensor y = new Product { Extra = 5 }.Apply(x, w);
        Assert.AreEqual(1, tape.RecordedCalls);
        Assert.AreEqual(before + 2, device.Statistics.LiveTensors, "The result and the saved product of the extras' making live; the extras do not.");
        tape.Backward(y, w);
        Assert.AreEqual(before + 2 + 2, device.Statistics.LiveTensors, "Two gradients have come.");
    }

    [TestMethod]
    [DeviceRows]
    public void Nothing_is_recorded_or_saved_where_nothing_is_wanted(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        (Tensor x, Tensor w) = Leaves(device);
        var product = new Product();
        product.Apply(x, w);
        Assert.IsFalse(product.Last!.IsRecorded || product.Last.Wants(0));
        Assert.IsEmpty(product.Last.Saved);
        using StepScope tape = device.BeginTape();
        using (device.NoGradient())
            product.Apply(x, w);
        Assert.IsFalse(product.Last.IsRecorded);
        (x.RequiresGradient, w.RequiresGradient) = (false, false);
        product.Apply(x, w);
        Assert.AreEqual(0, tape.RecordedCalls);
        w.RequiresGradient = true;
        Tensor y = product.Apply(x, w);
        Assert.AreEqual((1, false, true), (tape.RecordedCalls, product.Last.Wants(0), product.Last.Wants(1)));
        tape.Backward(y, x);
        Assert.IsNull(x.Gradient);
        Assert.IsNotNull(w.Gradient);
    }

    [TestMethod]
    public void A_saved_tensor_that_was_written_is_noticed_and_one_that_was_not_saved_may_be()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using StepScope step = device.BeginStep();
        (Tensor x, Tensor w) = Leaves(device);
        using (StepScope tape = device.BeginTape())
        {
            Tensor y = new Product().Apply(x, w);
            x.Write(s_w);
            Assert.Contains(
                "was written after the forward pass had read it", Assert.ThrowsExactly<InvalidOperationException>(() => tape.Backward(y, w)).Message);
        }

        using (StepScope tape = device.BeginTape())
        {
            Tensor y = new Given(static (_, inputs) => Operators.Add(inputs[0], inputs[1]), static (_, g) => [g, null]).Apply(x, w);
            x.Write(s_x);
            tape.Backward(y, w);
            CollectionAssert.AreEqual(s_w, x.Gradient!.ToArray());
            Assert.IsNull(w.Gradient, "None flows where null is returned.");
        }
    }

    [TestMethod]
    public void An_input_or_an_older_tensor_may_be_the_result()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        GradientCheck.Agrees(
            device, static t => Operators.Multiply(new Given(static (_, inputs) => inputs[0], static (_, g) => [g]).Apply(t[0]), t[0]), (s_shape, s_x));
    }

    [TestMethod]
    public void What_its_author_throws_comes_out_and_all_is_closed()
    {
        ComputeDevice device = TestDevices.GetSettled("cpu");
        long before = device.Statistics.LiveTensors;
        var own = new NotImplementedException("the author's own");
        using (StepScope step = device.BeginStep())
        {
            (Tensor x, Tensor w) = Leaves(device);
            long live = device.Statistics.LiveTensors;
            Assert.AreSame(own, Assert.ThrowsExactly<NotImplementedException>(() => new Given((_, inputs) =>
            {
                Operators.Add(inputs[0], inputs[0]);
                throw own;
            }, static (_, g) => [g]).Apply(x)));
            Assert.AreEqual((live, false), (device.Statistics.LiveTensors, device.IsRecording));

            Tensor y;
            using (StepScope tape = device.BeginTape())
            {
                Tensor between = new Given(static (_, inputs) => Operators.Scale(inputs[0], 2), (_, _) => throw own).Apply(x);
                y = Operators.Multiply(between, w);
                live = device.Statistics.LiveTensors;
                Assert.AreSame(own, Assert.ThrowsExactly<NotImplementedException>(() => tape.Backward(y, w)));
                Assert.AreEqual(
                    (live + 1, true), (device.Statistics.LiveTensors, between.Gradient is null), "Only the gradient of w, which had come before, is left.");
            }

            Assert.IsFalse(device.IsRecording);
            w.ClearGradient();
            Assert.HasCount(6, Gradient(device, static (a, b) => new Product().Apply(a, b)), "The device is as good as before.");
        }

        Assert.AreEqual(before, device.Statistics.LiveTensors);
    }

    [TestMethod]
    public void A_wrong_gradient_is_told_with_what_would_be_right()
    {
        ComputeDevice device = TestDevices.Get("cpu"), other = TestDevices.Get(TestDevices.Simulator);
        using StepScope there = other.BeginStep();
        (string Part, Func<Tensor, IReadOnlyList<Tensor?>> Backward)[] wrong =
        [
            ("returned 1 gradients, but was applied to 2 tensors", static g => [g]),
            ("returned null, but was applied to 2 tensors", static _ => null!),
            ("of shape [3, 2] for input 1, whose shape is [2, 3]", static g => [g, g.Reshape([3, 2])]),
            ("of BFloat16 for input 0, which holds Float32", static g => [Operators.Cast(g, DType.BFloat16), g]),
            ("for input 1, which is on cpu", _ => [null, Tensor.Zeros(other, s_shape)]),
            ("a disposed tensor as the gradient of input 0", static g =>
            {
                Tensor gone = Operators.Scale(g, 2);
                gone.Dispose();
                return [gone, g];
            }),
        ];
        foreach ((string part, Func<Tensor, IReadOnlyList<Tensor?>> backward) in wrong)
        {
            using StepScope step = device.BeginStep();
            (Tensor x, Tensor w) = Leaves(device);
            using StepScope tape = device.BeginTape();
            Tensor y = new Given(static (_, inputs) => Operators.Add(inputs[0], inputs[1]), (_, g) => backward(g)).Apply(x, w);
            string message = Assert.ThrowsExactly<InvalidOperationException>(() => tape.Backward(y, w)).Message;
            Assert.Contains(part, message);
            Assert.StartsWith("Given.Backward returned", message);
            Assert.IsTrue(x.Gradient is null && w.Gradient is null, "All are checked before one is used.");
        }
    }

    [TestMethod]
    public void Wrong_inputs_and_results_are_refused()
    {
        ComputeDevice device = TestDevices.Get("cpu"), other = TestDevices.Get(TestDevices.Simulator);
        using StepScope step = device.BeginStep(), there = other.BeginStep();
        (Tensor x, Tensor w) = Leaves(device);
        Tensor gone = Tensor.Zeros(device, s_shape);
        gone.Dispose();
        Assert.Contains("at least one", Assert.ThrowsExactly<ArgumentException>(static () => new Product().Apply()).Message);
        Assert.Contains(
            "'inputs[1]' is on simulator", Assert.ThrowsExactly<ArgumentException>(() => new Product().Apply(x, Tensor.Zeros(other, s_shape))).Message);
        Assert.ThrowsExactly<ArgumentNullException>(() => new Product().Apply(x, null!));
        Assert.ThrowsExactly<ObjectDisposedException>(() => new Product().Apply(x, gone));
        (string Part, Func<Tensor> Result)[] wrong =
        [
            ("returned null", static () => null!),
            ("a tensor that was disposed", () => gone),
            ("a tensor on simulator", () => Tensor.Zeros(other, s_shape)),
            ("a tensor of Int32, through which no gradient flows", () => Tensor.From(device, [1], [1])),
        ];
        foreach ((string part, Func<Tensor> result) in wrong)
            Assert.Contains(part, Assert.ThrowsExactly<InvalidOperationException>(() => new Given((_, _) => result(), static (_, g) => [g]).Apply(x)).Message);
        var product = new Product();
        product.Apply(x, w);
        Assert.Contains("after its Forward has returned", Assert.ThrowsExactly<InvalidOperationException>(() => product.Last!.Save(x)).Message);
        Assert.Contains("applied to 2 tensors", Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => product.Last!.Wants(2)).Message);
    }

    private static (Tensor X, Tensor W) Leaves(ComputeDevice device)
    {
        (Tensor x, Tensor w) = (Tensor.From(device, s_shape, s_x), Tensor.From(device, s_shape, s_w));
        (x.RequiresGradient, w.RequiresGradient) = (true, true);
        return (x, w);
    }

    private static float[] Gradient(ComputeDevice device, Func<Tensor, Tensor, Tensor> function)
    {
        using StepScope step = device.BeginStep();
        (Tensor x, Tensor w) = Leaves(device);
        using StepScope tape = device.BeginTape();
        tape.Backward(function(x, w), Tensor.From(device, s_shape, s_w));
        return x.Gradient!.ToArray();
    }

    /// <summary>x · w.</summary>
    private sealed class Product : DifferentiableFunction
    {
        public int Extra { get; init; }

        public FunctionCall? Last { get; private set; }

        protected override Tensor Forward(FunctionCall call, IReadOnlyList<Tensor> inputs)
        {
            Last = call;
            for (int i = 0; i < Extra; i++)
                Operators.Scale(inputs[0], i);
            call.Save(inputs[0], inputs[1]);
            call.Save(Operators.Scale(inputs[0], 1));
            return Operators.Multiply(inputs[0], inputs[1]);
        }

        protected override IReadOnlyList<Tensor?> Backward(FunctionCall call, Tensor gradient)
            => [call.Wants(0) ? Operators.Multiply(gradient, call.Saved[1]) : null, Operators.Multiply(gradient, call.Saved[0])];
    }

    private sealed class Given(
        Func<FunctionCall, IReadOnlyList<Tensor>, Tensor> forward, Func<FunctionCall, Tensor, IReadOnlyList<Tensor?>> backward) : DifferentiableFunction
    {
        protected override Tensor Forward(FunctionCall call, IReadOnlyList<Tensor> inputs) => forward(call, inputs);

        protected override IReadOnlyList<Tensor?> Backward(FunctionCall call, Tensor gradient) => backward(call, gradient);
    }
}
