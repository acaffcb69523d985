using System.Globalization;
using System.Text;
using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host;

/// <summary>
/// What is hidden contributes exactly nothing, whatever bits it holds: every way of hiding, every place, every number that could leak, forward and backward.
/// The environment variable <c>GPUTRANSFORMER_HIDDEN_CASES</c> asks for more cases than the 128 in which each combination is met once.
/// </summary>
[TestClass]
public sealed class HiddenNumberTests
{
    /// <summary>How many cases to run on each device instead of the tests' own number.</summary>
    public const string CasesVariable = "GPUTRANSFORMER_HIDDEN_CASES";

    [TestMethod]
    [DeviceRows]
    public void Numbers_that_nobody_sees_change_no_bit(string id) => Check(TestDevices.Get(id), Count(128), HiddenCaseSize.Ordinary, TypeOf);

    [TestMethod]
    public void Numbers_that_nobody_sees_change_no_bit_on_the_simulator()
        => Check(TestDevices.Get(TestDevices.Simulator), Count(16), HiddenCaseSize.Tiny, TypeOf);

    [TestMethod]
    [DataRow("cuda"), DataRow(TestDevices.Simulator)]
    public void Numbers_that_nobody_sees_change_no_bit_on_tensor_cores(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        string? preferred = device.PreferredVariant;
        device.PreferredVariant = "TensorCore";
        try
        {
            bool tiny = id == TestDevices.Simulator;
            Check(device, Count(tiny ? 4 : 128), tiny ? HiddenCaseSize.TinyTensorCore : HiddenCaseSize.TensorCore, static _ => DType.BFloat16);
        }
        finally
        {
            device.PreferredVariant = preferred;
        }
    }

    // A third of the cases each, in no step with the ways of hiding.
    private static DType TypeOf(int number) => (number * 5 / 7 % 3) switch { 0 => DType.Float16, 1 => DType.BFloat16, _ => DType.Float32 };

    private static int Count(int usual)
        => Environment.GetEnvironmentVariable(CasesVariable) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : usual;

    private static void Check(ComputeDevice device, int count, HiddenCaseSize size, Func<int, DType> type)
    {
        var failures = new StringBuilder();
        int failed = 0;
        long compared = 0;
        for (int n = 0; n < count; n++)
        {
            var hidden = new HiddenNumberCase(n, type(n), size);
            string differences = hidden.Differences(device);
            compared += hidden.Compared;
            if (differences.Length > 0 && ++failed <= 20)
                failures.AppendLine(CultureInfo.InvariantCulture, $"  {n} {hidden}: {differences}");
        }

        Assert.AreEqual(0, failed, $"{failed} of {count} cases differ on {device}:\n{failures}");
        Assert.IsGreaterThan(count * 10L, compared, "Almost nothing was compared.");
    }
}
