using GpuTransformer.Host;
using GpuTransformer.Host.CustomKernels;
using ILGPU;

namespace GpuTransformer.Tests.Host.CustomKernels;

/// <summary>Kernels that a user writes: right on every device, and refused before anything is launched where they cannot be.</summary>
[TestClass]
public sealed class CustomKernelTests
{
    [TestMethod]
    [DeviceRows(1, Simulator = true), DeviceRows(17, Simulator = true), DeviceRows(443), DeviceRows(1023), DeviceRows(70_001)]
    public void Every_piece_is_computed_once(string id, int count)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        float[] values = [.. Enumerable.Range(0, count).Select(static i => i % 1000 / 8f)];
        Tensor x = Tensor.From(device, [count], values), y = Tensor.From(device, [count], values);
        AddSquares(device, x, y);
        CollectionAssert.AreEqual(values.Select(static v => v + 2 * v * v).ToArray(), y.ToArray());
    }

    [TestMethod]
    [DeviceRows(1, 5, Simulator = true), DeviceRows(3, 40, Simulator = true), DeviceRows(17, 80), DeviceRows(443, 1023)]
    public void Groups_share_memory_and_the_processor_has_a_form_of_its_own(string id, int rows, int dim)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        float[] values = [.. Enumerable.Range(0, rows * dim).Select(static i => (float)(i * 7 % 11))];
        Tensor sums = Tensor.Zeros(device, [rows]), x = Tensor.From(device, [rows, dim], values);
        device.LaunchGroups(rows, t => new RowSum { X = t.Read<float>(x), Sums = t.Write<float>(sums), Dim = dim });
        CollectionAssert.AreEqual(values.Chunk(dim).Select(static row => row.Sum()).ToArray(), sums.ToArray());
    }

    [TestMethod]
    [DeviceRows(Simulator = true)]
    public void A_view_is_of_the_tensor_alone_whatever_it_holds(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor ids = Tensor.From(device, [3], [4, 5, 6]), longs = Tensor.From(device, [3], [7L, 8L, 9L]), flags = Tensor.From(device, [3], [true, false, true]);
        Tensor half = Tensor.From(device, [3], [1f, 2f, 3f], DType.BFloat16), whole = Tensor.Zeros(device, [5]);
        Tensor part = whole.Slice(1, [3]);
        device.Launch(3, t => new Mixed
        {
            Ids = t.Read<int>(ids), Longs = t.Read<long>(longs), Flags = t.Read<byte>(flags), Bits = t.Read<ushort>(half), Output = t.Write<float>(part),
        });
        CollectionAssert.AreEqual(new[] { 0f, 4 + 7 + 1 + 1 + 3, 5 + 8 + 0 + 2 + 3, 6 + 9 + 1 + 3 + 3, 0f }, whole.ToArray());
    }

    [TestMethod]
    [DeviceRows(Simulator = true)]
    public void Launches_are_counted_profiled_and_split_like_all_others(string id)
    {
        using ComputeDevice device = TestDevices.OpenNew(id);
        using StepScope step = device.BeginStep();
        Tensor x = Tensor.From(device, [300], GradientCheck.Values(300, 1)), y = Tensor.Zeros(device, [300]);
        device.LongestLaunch = 64;
        long before = device.Statistics.Launches;
        device.Profile = new OperatorProfile();
        AddSquares(device, x, y);
        Assert.AreEqual(id == "cpu" ? 1 : 5, device.Statistics.Launches - before);
        Assert.AreEqual(("AddSquaresKernel", "Custom", 1), (device.Profile.Costs[0].Operator, device.Profile.Costs[0].Variant, device.Profile.Costs[0].Calls));
        CollectionAssert.AreEqual(x.ToArray().Select(static v => 2 * v * v).ToArray(), y.ToArray());
    }

    [TestMethod]
    public void What_a_kernel_writes_counts_as_written()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using StepScope step = device.BeginStep();
        Tensor x = Tensor.From(device, [4], GradientCheck.Values(4, 1)), ids = Tensor.From(device, [2], [0, 1]);
        x.RequiresGradient = true;
        using StepScope tape = device.BeginTape();
        Tensor y = Operators.Multiply(x, x);
        AddSquares(device, y, x);
        Assert.Contains("was written", Assert.ThrowsExactly<InvalidOperationException>(() => tape.Backward(y, y)).Message);
        Assert.IsFalse(ids.MayHold(7));
        device.Launch(2, t => new Fill { Output = t.Write<int>(ids) });
        Assert.IsTrue(ids.MayHold(7));
        CollectionAssert.AreEqual(new[] { 7L, 7L }, ids.ToInt64Array());
    }

    [TestMethod]
    [DeviceRows]
    public void Bad_tensors_are_refused_and_nothing_is_launched(string id)
    {
        ComputeDevice device = TestDevices.Get(id), other = TestDevices.Get(TestDevices.Simulator);
        using StepScope step = device.BeginStep(), there = other.BeginStep();
        Tensor x =
            Tensor.Zeros(device, [4]), gone = Tensor.Zeros(device, [4]), elsewhere = Tensor.Zeros(other, [4]), half = Tensor.Zeros(device, [4], DType.Float16);
        gone.Dispose();
        long before = device.Statistics.Launches;
        Assert.Contains(
            "'elsewhere' is on simulator",
            Assert.ThrowsExactly<ArgumentException>(() => device.Launch(4, t => new Fill { Output = t.Write<int>(elsewhere) })).Message);
        Assert.Contains(
            "'half' holds Float16, but a view of Single",
            Assert.ThrowsExactly<ArgumentException>(() => device.Launch(4, t => new AddSquaresKernel { X = t.Read<float>(half) })).Message);
        Assert.ThrowsExactly<ObjectDisposedException>(() => device.Launch(4, t => new AddSquaresKernel { X = t.Read<float>(gone) }));
        Assert.ThrowsExactly<ArgumentNullException>(() => device.Launch(4, static t => new AddSquaresKernel { X = t.Read<float>(null!) }));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => device.Launch(-1, static _ => default(Fill)));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => device.LaunchGroups(-1, static _ => default(RowSum)));
        Assert.Contains("from 1 to 128 threads", Assert.ThrowsExactly<ArgumentException>(() => device.LaunchGroups(1, static _ => default(TooWide))).Message);
        Assert.ThrowsExactly<InvalidTimeZoneException>(() => device.Launch<Fill>(1, static _ => throw new InvalidTimeZoneException()));
        device.Launch(0, t => new AddSquaresKernel { X = t.Read<float>(x), Y = t.Write<float>(x) });
        device.LaunchGroups(0, t => new RowSum { X = t.Read<float>(x) });
        Assert.AreEqual(before, device.Statistics.Launches);
    }

    [TestMethod]
    [DeviceRows]
    public void A_struct_that_no_device_can_be_given_is_refused_everywhere(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        Assert.Contains(
            "WithFlag.Inner.On is a Boolean", Assert.ThrowsExactly<ArgumentException>(() => device.Launch(1, static _ => default(WithFlag))).Message);
        Assert.Contains("WithText.Text is a String", Assert.ThrowsExactly<ArgumentException>(() => device.Launch(1, static _ => default(WithText))).Message);
        string hidden = Assert.ThrowsExactly<ArgumentException>(() => device.Launch(1, static _ => default(Hidden))).Message;
        Assert.Contains("Hidden is not public", hidden);
        Assert.Contains("internal with InternalsVisibleTo(\"ILGPURuntime\")", hidden);
    }

    [TestMethod]
    public void An_exception_in_the_processors_form_comes_out()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        Assert.ThrowsExactly<InvalidTimeZoneException>(() => device.Launch(1000, static _ => default(Throwing)));
        using StepScope step = device.BeginStep();
        Tensor x = Tensor.From(device, [2], [1f, 2f]), y = Tensor.Zeros(device, [2]);
        AddSquares(device, x, y);
        CollectionAssert.AreEqual(new[] { 2f, 8f }, y.ToArray());
    }

    [TestMethod]
    public void What_ILGPU_cannot_compile_is_told_by_name()
    {
        ComputeDevice device = TestDevices.Get("opencl");
        Assert.StartsWith(
            "Unfit cannot be compiled for opencl", Assert.ThrowsExactly<NotSupportedException>(() => device.Launch(1, static _ => default(Unfit))).Message);
    }

    private static void AddSquares(ComputeDevice device, Tensor x, Tensor y)
        => device.Launch((int)x.Shape.Count, t => new AddSquaresKernel { X = t.Read<float>(x), Y = t.Write<float>(y), Factor = 2 });

    /// <summary>y += factor · x².</summary>
    public struct AddSquaresKernel : ICustomKernel<AddSquaresKernel>
    {
        public ArrayView<float> X;
        public ArrayView<float> Y;
        public float Factor;

        public static void Run(int index, AddSquaresKernel k) => k.Y[index] += k.Factor * k.X[index] * k.X[index];
    }

    /// <summary>The sum of each row, by a tree in shared memory.</summary>
    public struct RowSum : IGroupKernel<RowSum>
    {
        public ArrayView<float> X;    // [rows, dim]
        public ArrayView<float> Sums; // [rows]
        public int Dim;

        public static int GroupSize => 64;

        public static void Run(int group, RowSum k)
        {
            ArrayView<float> shared = SharedMemory.Allocate<float>(64);
            float sum = 0;
            for (int i = Group.IdxX; i < k.Dim; i += 64)
                sum += k.X[group * k.Dim + i];
            shared[Group.IdxX] = sum;
            for (int half = 32; half > 0; half >>= 1)
            {
                Group.Barrier();
                if (Group.IdxX < half)
                    shared[Group.IdxX] += shared[Group.IdxX + half];
            }

            Group.Barrier();
            if (Group.IdxX == 0)
                k.Sums[group] = shared[0];
        }

        public static void RunOnProcessor(int group, RowSum k)
        {
            float sum = 0;
            for (int i = 0; i < k.Dim; i++)
                sum += k.X[group * k.Dim + i];
            k.Sums[group] = sum;
        }
    }

    public struct Mixed : ICustomKernel<Mixed>
    {
        public ArrayView<int> Ids;
        public ArrayView<long> Longs;
        public ArrayView<byte> Flags;
        public ArrayView<ushort> Bits;
        public ArrayView<float> Output;

        public static void Run(int index, Mixed k)
            => k.Output[index] = k.Ids[index] + k.Longs[index] + k.Flags[index] + Interop.IntAsFloat((uint)k.Bits[index] << 16) + k.Output.Length;
    }

    public struct Fill : ICustomKernel<Fill>
    {
        public ArrayView<int> Output;

        public static void Run(int index, Fill k) => k.Output[index] = 7;
    }

    public struct TooWide : IGroupKernel<TooWide>
    {
        public static int GroupSize => 129;

        public static void Run(int group, TooWide k)
        {
        }

        public static void RunOnProcessor(int group, TooWide k)
        {
        }
    }

    public struct Flag
    {
        public bool On;
    }

    public struct WithFlag : ICustomKernel<WithFlag>
    {
        public Flag Inner;

        public static void Run(int index, WithFlag k)
        {
        }
    }

    public struct WithText : ICustomKernel<WithText>
    {
        public string Text;

        public static void Run(int index, WithText k)
        {
        }
    }

    public struct Throwing : ICustomKernel<Throwing>
    {
        public static void Run(int index, Throwing k)
        {
            if (index == 500)
                throw new InvalidTimeZoneException();
        }
    }

    public struct Unfit : ICustomKernel<Unfit>
    {
        public static void Run(int index, Unfit k) => Console.WriteLine($"{index}");
    }

    private struct Hidden : ICustomKernel<Hidden>
    {
        public static void Run(int index, Hidden k)
        {
        }
    }
}
