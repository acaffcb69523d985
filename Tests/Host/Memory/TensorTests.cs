using System.Numerics.Tensors;
using GpuTransformer.Host;
using Tensor = GpuTransformer.Host.Tensor;

namespace GpuTransformer.Tests.Host;

[TestClass]
public sealed class TensorTests
{
    private static readonly float[] s_special =
    [
        0f, -0f, 1f, -1f, 65504f, 65519f, 65520f, -65520f, float.MaxValue, float.Epsilon, float.NaN, float.PositiveInfinity, float.NegativeInfinity,
        6.1035156e-5f, 6.1005e-5f, 5.9604645e-8f, 2.9802322e-8f, 2.9802326e-8f, 8.940697e-8f, 1.0004883f, 1.0014648f, 1.0039063f, 1.0117188f, 1e-40f,
    ];

    [TestMethod]
    [DeviceRows(DType.Float32), DeviceRows(DType.Float16), DeviceRows(DType.BFloat16)]
    public void Reals_come_back_rounded_to_nearest(string id, DType dtype)
    {
        ComputeDevice device = TestDevices.Get(id);
        float[] values = [.. s_special, .. RandomBits(1000)];
        using Tensor tensor = Tensor.From(device, [values.Length], values, dtype);
        float[] back = tensor.ToArray();
        for (int i = 0; i < values.Length; i++)
            AssertSame(Rounded(values[i], dtype), back[i], $"{values[i]:r} as {dtype}");
    }

    [TestMethod]
    [DeviceRows(DType.Float16, Simulator = true), DeviceRows(DType.BFloat16, Simulator = true)]
    public void Kernels_round_as_the_host_does(string id, DType dtype)
    {
        ComputeDevice device = TestDevices.Get(id);

        // Subnormal float32 numbers are left out: a GPU may flush them to zero. Float16's own subnormals are normal float32 numbers and are not.
        float[] values = [.. s_special.Concat(RandomBits(id == TestDevices.Simulator ? 20 : 1000)).Where(static v => v == 0 || !float.IsSubnormal(v))];
        using StepScope step = device.BeginStep();
        float[] back = Operators.Cast(Operators.Cast(Tensor.From(device, [values.Length], values), dtype), DType.Float32).ToArray();
        for (int i = 0; i < values.Length; i++)
            AssertSame(Rounded(values[i], dtype), back[i], $"{values[i]:r} as {dtype}");
    }

    [TestMethod]
    public void Every_float16_widens_and_narrows_as_in_NET()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using Tensor tensor = Tensor.Empty(device, [1 << 16], DType.Float16);
        tensor.WriteBits<Half>([.. Enumerable.Range(0, 1 << 16).Select(static bits => BitConverter.UInt16BitsToHalf((ushort)bits))]);
        float[] wide = tensor.ToArray();
        for (int bits = 0; bits < wide.Length; bits++)
            AssertSame((float)BitConverter.UInt16BitsToHalf((ushort)bits), wide[bits], $"0x{bits:x4}");
        tensor.Write(wide);
        Half[] narrow = tensor.ReadBits<Half>();
        for (int bits = 0; bits < wide.Length; bits++)
            AssertSame((float)BitConverter.UInt16BitsToHalf((ushort)bits), (float)narrow[bits], $"0x{bits:x4} narrowed again");
    }

    [TestMethod]
    [DataRow(DType.Float16, 10)]
    [DataRow(DType.BFloat16, 7)]
    public void Halfway_goes_to_even(DType dtype, int fractionBits)
    {
        float ulp = MathF.ScaleB(1f, -fractionBits);
        float below = MathF.BitDecrement(1f + ulp / 2), above = MathF.BitIncrement(1f + ulp / 2);
        float[] values = [1f + ulp / 2, 1f + 3 * ulp / 2, below, above];
        using Tensor tensor = Tensor.From(TestDevices.Get("cpu"), [4], values, dtype);
        CollectionAssert.AreEqual(new[] { 1f, 1f + 2 * ulp, 1f, 1f + ulp }, tensor.ToArray());
    }

    [TestMethod]
    [DeviceRows]
    public void Integers_and_flags_come_back_exactly(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        long[] longs = [0, -1, long.MaxValue, long.MinValue];
        int[] ints = [int.MaxValue, int.MinValue, 7];
        bool[] flags = [true, false, true];
        using Tensor int64 = Tensor.From(device, [2, 2], longs), int32 = Tensor.From(device, [3], ints), bools = Tensor.From(device, [3, 1], flags);
        CollectionAssert.AreEqual(longs, int64.ToInt64Array());
        CollectionAssert.AreEqual(new long[] { int.MaxValue, int.MinValue, 7 }, int32.ToInt64Array());
        CollectionAssert.AreEqual(flags, bools.ToBoolArray());
        CollectionAssert.AreEqual(new[] { 1f, 0f, 1f }, bools.ToArray());
        CollectionAssert.AreEqual(new[] { 2147483648f, -2147483648f, 7f }, int32.ToArray());
        Assert.ThrowsExactly<InvalidOperationException>(() => bools.ToInt64Array());
        Assert.ThrowsExactly<InvalidOperationException>(() => int32.ToBoolArray());
        Assert.ThrowsExactly<ArgumentException>(() => int32.Write([1f, 2f, 3f]));
    }

    [TestMethod]
    [DeviceRows]
    public void Zeros_are_zero_even_in_used_memory(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        Tensor.From(device, [300], [.. Enumerable.Repeat(float.NaN, 300)]).Dispose();
        using Tensor zeros = Tensor.Zeros(device, [300]);
        CollectionAssert.AreEqual(new float[300], zeros.ToArray());
    }

    [TestMethod]
    [DeviceRows(new[] { 0 }), DeviceRows(new[] { 3, 0, 5 }), DeviceRows(new int[0]), DeviceRows(new[] { 1 })]
    public void Empty_tensors_and_scalars_are_tensors(string id, int[] lengths)
    {
        ComputeDevice device = TestDevices.Get(id);
        float[] values = [.. Enumerable.Range(1, (int)new Shape(lengths).Count).Select(static i => (float)i)];
        using Tensor tensor = Tensor.From(device, lengths, values), zeros = Tensor.Zeros(device, lengths);
        CollectionAssert.AreEqual(values, tensor.ToArray());
        Assert.HasCount(values.Length, zeros.ToArray());
        Assert.AreEqual(new Shape(lengths), tensor.Shape);
    }

    [TestMethod]
    [DeviceRows]
    public void Reshape_shares_memory_and_keeps_it_alive(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        Tensor original = Tensor.From(device, [2, 3], [1f, 2f, 3f, 4f, 5f, 6f]);
        using Tensor view = original.Reshape([3, 2]);
        original.Write([6f, 5f, 4f, 3f, 2f, 1f]);
        original.Dispose();
        Tensor.Zeros(device, [2, 3]).Dispose();
        CollectionAssert.AreEqual(new[] { 6f, 5f, 4f, 3f, 2f, 1f }, view.ToArray());
        Assert.IsTrue(original.IsDisposed);
        Assert.IsFalse(view.IsDisposed);
    }

    [TestMethod]
    public void Reshape_to_another_count_names_both_shapes()
    {
        using Tensor tensor = Tensor.Zeros(TestDevices.Get("cpu"), [2, 3]);
        var error = Assert.ThrowsExactly<ArgumentException>(() => tensor.Reshape([4]));
        Assert.Contains("[2, 3] (6 elements)", error.Message);
        Assert.Contains("[4] (4 elements)", error.Message);
    }

    [TestMethod]
    [DeviceRows]
    public void Tensor_spans_go_in_and_out(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        float[] values = [1f, 2f, 3f, 4f, 5f, 6f];
        using Tensor tensor = Tensor.From(device, new ReadOnlyTensorSpan<float>(values, [2, 3], []));
        Assert.AreEqual(new Shape(2, 3), tensor.Shape);
        var target = new float[6];
        tensor.CopyTo(new TensorSpan<float>(target, [2, 3], []));
        CollectionAssert.AreEqual(values, target);
    }

    [TestMethod]
    public void A_tensor_span_of_another_shape_or_with_gaps_is_an_error()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using Tensor tensor = Tensor.Zeros(device, [2, 3]);
        var error = Assert.ThrowsExactly<ArgumentException>(() => tensor.CopyTo(new TensorSpan<float>(new float[6], [3, 2], [])));
        Assert.Contains("[2, 3], not [3, 2]", error.Message);
        Assert.ThrowsExactly<ArgumentException>(() => tensor.CopyTo(new TensorSpan<float>(new float[6], [6], [])));
        Assert.ThrowsExactly<ArgumentException>(() => tensor.CopyTo(new TensorSpan<float>(new float[12], [2, 3], [6, 1])));
        Assert.ThrowsExactly<ArgumentException>(() => Tensor.From(device, new ReadOnlyTensorSpan<float>(new float[12], [2, 3], [6, 1])));
    }

    [TestMethod]
    [DeviceRows]
    public void A_wrong_number_of_values_is_an_error_and_holds_no_memory(string id)
    {
        using ComputeDevice device = TestDevices.OpenNew(id);
        foreach (Action wrong in new Action[]
        {
            () => Tensor.From(device, [2, 3], [1f]),
            () => Tensor.From(device, [2, 3], new int[7]),
            () => Tensor.From(device, [2, 3], new long[7]),
            () => Tensor.From(device, [2, 3], new bool[7]),
        })
        {
            var error = Assert.ThrowsExactly<ArgumentException>(wrong);
            Assert.Contains("[2, 3] has 6 elements", error.Message);
            Assert.AreEqual("values", error.ParamName);
        }

        Assert.ThrowsExactly<ArgumentException>(() => Tensor.From(device, [1], [1f], DType.Int32));
        Assert.AreEqual(0, device.Statistics.BytesInUse);
        using Tensor tensor = Tensor.Zeros(device, [2, 3]);
        Assert.ThrowsExactly<ArgumentException>(() => tensor.Write([1f]));
        Assert.ThrowsExactly<ArgumentException>(() => tensor.CopyTo(new float[7]));
    }

    [TestMethod]
    [DeviceRows]
    public void A_disposed_tensor_says_so(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        Tensor tensor = Tensor.Zeros(device, [2, 3]);
        tensor.Dispose();
        tensor.Dispose();
        foreach (Action use in Uses(tensor))
            Assert.Contains("[2, 3] was disposed", Assert.ThrowsExactly<ObjectDisposedException>(use).Message);
        Assert.Contains("(disposed)", tensor.ToString());
        Assert.ThrowsExactly<ObjectDisposedException>(() => Operators.LayerNorm(tensor, null));
    }

    [TestMethod]
    [DeviceRows]
    public void A_tensor_of_a_disposed_device_says_so(string id)
    {
        ComputeDevice device = TestDevices.OpenNew(id);
        Tensor tensor = Tensor.Zeros(device, [2, 3]);
        device.Dispose();
        device.Dispose();
        foreach (Action use in Uses(tensor))
            Assert.ThrowsExactly<ObjectDisposedException>(use);
        Assert.ThrowsExactly<ObjectDisposedException>(() => Operators.LayerNorm(tensor, null));
        Assert.ThrowsExactly<ObjectDisposedException>(() => Tensor.Zeros(device, [1]));
        Assert.ThrowsExactly<ObjectDisposedException>(device.BeginStep);
        tensor.Dispose();
        Assert.IsTrue(tensor.IsDisposed);
    }

    [TestMethod]
    [DeviceRows(Simulator = true)]
    public void A_tensor_of_another_device_is_an_error_that_names_both(string id)
    {
        using ComputeDevice other = TestDevices.OpenNew(id);
        ComputeDevice device = TestDevices.Get("cpu");
        using Tensor input = Tensor.Zeros(device, [2, 3]), gain = Tensor.Zeros(other, [3]);
        var error = Assert.ThrowsExactly<ArgumentException>(() => Operators.LayerNorm(input, gain));
        Assert.Contains($"'gain' is on {other}, but the operation runs on {device}", error.Message);
    }

    [TestMethod]
    public void A_size_in_bytes_is_never_cut_off()
    {
        // 2^59 elements of eight bytes are 2^62 bytes: an error, not a small block.
        ComputeDevice device = TestDevices.Get("cpu");
        Assert.ThrowsExactly<InsufficientMemoryException>(() => Tensor.Empty(device, [1 << 29, 1 << 30], DType.Int64));
    }

    [TestMethod]
    public void Every_data_type_has_a_size_and_a_name()
    {
        foreach (DType dtype in Enum.GetValues<DType>())
        {
            using Tensor tensor = Tensor.Zeros(TestDevices.Get("cpu"), [3], dtype);
            Assert.AreEqual(3 * dtype.SizeInBytes(), tensor.Bytes);
            Assert.Contains($"dtype={dtype}, device=cpu", tensor.ToString());
        }

        Assert.ThrowsExactly<ArgumentOutOfRangeException>(static () => ((DType)99).SizeInBytes());
    }

    private static Action[] Uses(Tensor tensor) =>
    [
        () => tensor.ToArray(), () => tensor.CopyTo(new float[6]), () => tensor.CopyTo(new TensorSpan<float>(new float[6], [2, 3], [])),
        () => tensor.Write(new float[6]), () => tensor.Reshape([6]),
    ];

    private static IEnumerable<float> RandomBits(int count)
    {
        var random = new Random(11);
        for (int i = 0; i < count; i++)
            yield return BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue));
        for (int i = 0; i < count; i++)
            yield return MathF.ScaleB(random.NextSingle() * 2 - 1, random.Next(-28, 18));
    }

    private static float Rounded(float value, DType dtype)
    {
        if (dtype == DType.Float16)
            return (float)(Half)value;
        if (dtype == DType.Float32 || float.IsNaN(value))
            return value;

        // bfloat16 by the definition: of the two neighbours, the nearer; of two as near, the one whose last bit is zero.
        uint bits = BitConverter.SingleToUInt32Bits(value), low = bits & 0xffffu, down = bits & 0xffff0000u;
        bool up = low > 0x8000u || (low == 0x8000u && (down & 0x10000u) != 0);
        return BitConverter.UInt32BitsToSingle(up ? down + 0x10000u : down);
    }

    private static void AssertSame(float expected, float actual, string what)
    {
        bool same = float.IsNaN(expected) ? float.IsNaN(actual) : BitConverter.SingleToInt32Bits(expected) == BitConverter.SingleToInt32Bits(actual);
        Assert.IsTrue(same, $"{what}: {actual:r} instead of {expected:r}");
    }
}
