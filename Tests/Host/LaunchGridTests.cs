using System.Reflection;
using System.Text;
using GpuTransformer.Host;
using GpuTransformer.Kernels;
using GpuTransformer.Validation;

namespace GpuTransformer.Tests;

/// <summary>Grids that are longer than a driver takes along one of its axes, or at once.</summary>
[TestClass]
public sealed class LaunchGridTests
{
    // A GPU takes 65,535 groups along all axes but the first.
    private const int Many = 70_000;

    public static IEnumerable<object[]> Rows()
        => from id in TestDevices.Ids.Append(TestDevices.Simulator)
           from definition in KernelCatalog.Operators
           from variant in definition.Variants
           where variant.Kind != VariantKind.Vectorized && variant.RunsOn(TestDevices.KindOf(id))
           select new object[] { id, definition.Name, variant.Name };

    public static string DisplayName(MethodInfo method, object[] row) => $"{method.Name} ({string.Join(", ", row)})";

    [TestMethod, DeviceRows]
    public void Many_sequences_are_sliced_and_padded(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        float[] values = [.. Enumerable.Range(0, Many * 2).Select(static i => (float)i)];
        Tensor last = Operators.SliceRows(Tensor.From(device, [Many, 2, 1], values), 1, 1);
        CollectionAssert.AreEqual(Enumerable.Range(0, Many).Select(static i => (float)(2 * i + 1)).ToArray(), last.ToArray());
        CollectionAssert.AreEqual(values.Select(static v => v % 2 == 0 ? 0f : v).ToArray(), Operators.PadRows(last, 1, 2).ToArray());
    }

    [TestMethod, DeviceRows]
    public void Many_sequences_are_scattered(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        int[] index = [.. Enumerable.Range(0, Many).Select(static i => i % 2)];
        Tensor scattered = Operators.ScatterRows(
            Tensor.From(device, [Many, 1, 1], [.. index.Select(static i => i + 3f)]), Tensor.From(device, [Many, 1], index), 2);
        CollectionAssert.AreEqual(index.SelectMany(static i => i == 0 ? new[] { 3f, 0f } : [0f, 4f]).ToArray(), scattered.ToArray());
    }

    [TestMethod, DeviceRows]
    public void A_very_wide_row_is_scaled_and_summed(string id)
    {
        const int Wide = 65_536 * 64 + 17;
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor row = Tensor.From(device, [1, Wide], [.. Enumerable.Range(0, Wide).Select(static i => (float)(i % 1000))]);
        Tensor scale = Tensor.From(device, [1], [2f]), shift = Tensor.From(device, [1], [1f]);
        row.RequiresGradient = true;
        using StepScope tape = device.BeginTape();
        Tensor scaled = Operators.ScaleAndShift(row, scale, shift);
        tape.Backward(scaled, row);
        Assert.AreEqual(0, scaled.ToArray().Index().Count(static e => e.Item != 2 * (e.Index % 1000) + 1), "y = 2 x + 1");
        Assert.AreEqual(0, row.Gradient!.ToArray().Index().Count(static e => e.Item != 2 * (e.Index % 1000)), "dx = 2 dy");
        row.ClearGradient();
    }

    [TestMethod]
    [DynamicData(nameof(Rows), DynamicDataDisplayName = nameof(DisplayName))]
    public void What_is_launched_in_parts_is_what_is_launched_at_once(string id, string operatorName, string variantName)
    {
        ComputeDevice device = TestDevices.Get(id);
        OperatorDefinition definition = KernelCatalog.Operators.Single(o => o.Name == operatorName);
        KernelVariant variant = definition.Variants.Single(v => v.Name == variantName);
        int longest = device.LongestLaunch;
        var failures = new StringBuilder();
        try
        {
            // A launch for each group: whatever forgets where its launch begins does the first one's work again and again.
            device.LongestLaunch = 1;
            foreach (ValidationCase validation in definition.Cases(seed: 2).Where(static c => c.Size == ValidationSize.Tiny))
            {
                foreach (Comparison comparison in (validation.Run(device, variant) ?? []).Where(static c => !c.Passed))
                    failures.AppendLine($"  {validation.Name}: {comparison.Output} is off by {comparison.Error:g3}, more than {comparison.Limit:g3}");
            }
        }
        finally
        {
            device.LongestLaunch = longest;
        }

        Assert.AreEqual(string.Empty, failures.ToString());
    }

    [TestMethod]
    [DataRow("opencl"), DataRow("cuda"), DataRow(TestDevices.Simulator)]
    public void Groups_that_cannot_be_numbered_are_refused_before_anything_is_launched(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        long launches = device.Statistics.Launches;
        var exception = Assert.ThrowsExactly<NotSupportedException>(
            () => device.Launch(WeightedMeanPortable.Kernel, 1L << 31, WeightedMeanPortable.GroupSize, default(WeightedMeanPortable)));
        StringAssert.Contains(exception.Message, "2147483648 groups");
        Assert.AreEqual(launches, device.Statistics.Launches);
    }
}
