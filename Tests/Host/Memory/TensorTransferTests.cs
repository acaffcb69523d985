using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host;

/// <summary>Single numbers, numbers of every data type written in place, and copies on another device.</summary>
[TestClass]
public sealed class TensorTransferTests
{
    [TestMethod]
    [DeviceRows]
    public void The_only_number_is_read(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Assert.AreEqual(2.5f, Tensor.From(device, [], [2.5f]).Item());
        Assert.AreEqual(-7f, Tensor.From(device, [1, 1], [-7L]).Item());
        Assert.AreEqual(1f, Tensor.From(device, [1], [true]).Item());
        foreach (Shape shape in new Shape[] { [2, 3], [0] })
            Assert.Contains(shape.ToString(), Assert.ThrowsExactly<InvalidOperationException>(() => Tensor.Zeros(device, shape).Item()).Message);
    }

    [TestMethod]
    [DeviceRows]
    public void Every_data_type_can_be_written_in_place(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor int64 = Tensor.Zeros(device, [2], DType.Int64), flags = Tensor.Zeros(device, [2], DType.Bool);
        Tensor float16 = Tensor.Zeros(device, [2], DType.Float16), bfloat16 = Tensor.Zeros(device, [2], DType.BFloat16);
        int64.Write((ReadOnlySpan<long>)[long.MaxValue, -1]);
        flags.Write((ReadOnlySpan<bool>)[false, true]);
        float16.Write((ReadOnlySpan<Half>)[(Half)0.5f, Half.MaxValue]);
        bfloat16.Write((ReadOnlySpan<ushort>)[0x3f80, 0xc000]);
        CollectionAssert.AreEqual(new[] { long.MaxValue, -1 }, int64.ToInt64Array());
        CollectionAssert.AreEqual(new[] { false, true }, flags.ToBoolArray());
        CollectionAssert.AreEqual(new[] { 0.5f, 65504f }, float16.ToArray());
        CollectionAssert.AreEqual(new[] { 1f, -2f }, bfloat16.ToArray());
        float16.Write((ReadOnlySpan<ushort>)[0x3c00, 0]);
        CollectionAssert.AreEqual(new[] { 1f, 0f }, float16.ToArray());
        Refuses("Bool cannot be written from long", () => flags.Write((ReadOnlySpan<long>)[1, 2]));
        Refuses("Int64 cannot be written from bool", () => int64.Write((ReadOnlySpan<bool>)[true, true]));
        Refuses("BFloat16 cannot be written from Half", () => bfloat16.Write((ReadOnlySpan<Half>)[default, default]));
        Refuses("Int64 cannot be written from 16-bit", () => int64.Write((ReadOnlySpan<ushort>)[1, 2]));
        Refuses("2 elements, but 1", () => flags.Write((ReadOnlySpan<bool>)[true]));

        static void Refuses(string what, Action action) => Assert.Contains(what, Assert.ThrowsExactly<ArgumentException>(action).Message);
    }

    [TestMethod]
    [DeviceRows]
    public void A_copy_on_another_device_has_the_same_bits(string id)
    {
        using ComputeDevice source = TestDevices.OpenNew("cpu");
        ComputeDevice target = TestDevices.Get(id);
        using StepScope step = target.BeginStep();
        using Tensor ids = Tensor.From(source, [3], [1L, 2L, 9L]), mask = Tensor.From(source, [2], [true, false]), none = Tensor.Zeros(source, [0, 4]);
        using Tensor real = Tensor.From(source, [2, 1], [1.5f, float.NaN], DType.BFloat16), part = real.Slice(1, [1]);
        Assert.AreSame(real, real.To(source));
        CollectionAssert.AreEqual(new[] { 1L, 2L, 9L }, ids.To(target).ToInt64Array());
        Assert.IsFalse(ids.To(target).MayHold(10));
        CollectionAssert.AreEqual(new[] { true, false }, mask.To(target).ToBoolArray());
        CollectionAssert.AreEqual(new[] { 1.5f, float.NaN }, real.To(target).ToArray());
        CollectionAssert.AreEqual(new[] { float.NaN }, part.To(target).ToArray());
        Assert.AreEqual(new Shape(2, 1), real.To(target).Shape);
        Assert.AreEqual(DType.BFloat16, real.To(target).DType);
        Assert.AreEqual(new Shape(0, 4), none.To(target).Shape);
        Assert.AreSame(target, real.To(target).Device);
        Assert.ThrowsExactly<ArgumentNullException>(() => real.To(null!));
        Tensor gone = Tensor.Zeros(source, [1]);
        gone.Dispose();
        Assert.ThrowsExactly<ObjectDisposedException>(() => gone.To(target));
    }

    /// <summary>As the documentation of <see cref="Tensor.To"/> says: d (2x)² = 8x.</summary>
    [TestMethod]
    [DeviceRows]
    public void A_gradient_is_carried_over_by_hand(string id)
    {
        using ComputeDevice first = TestDevices.OpenNew("cpu");
        ComputeDevice second = TestDevices.Get(id);
        using StepScope step = first.BeginStep(), otherStep = second.BeginStep();
        Tensor x = Tensor.From(first, [2], [3f, -1f]);
        x.RequiresGradient = true;
        using StepScope tape = first.BeginTape(), otherTape = second.BeginTape();
        Tensor hidden = x * 2f, copy = hidden.To(second);
        Assert.AreEqual(1, tape.RecordedCalls);
        copy.RequiresGradient = true;
        Tensor loss = Operators.Square(copy);
        otherTape.Backward(loss, Tensor.From(second, [2], [1f, 1f]));
        tape.Backward(hidden, copy.Gradient!.To(first));
        CollectionAssert.AreEqual(new[] { 24f, -8f }, x.Gradient!.ToArray());
        x.ClearGradient();
        copy.ClearGradient();
    }
}
