using System.Text.RegularExpressions;
using GpuTransformer.Host;
using GpuTransformer.Host.OpenCl;

namespace GpuTransformer.Tests;

/// <summary>What an OpenCL driver is given, kernel by kernel, with no driver present.</summary>
[TestClass]
public sealed partial class OpenClCompilerTests
{
    internal static IEnumerable<DeviceKernel> Kernels()
        => from definition in KernelCatalog.Operators
           from variant in definition.Variants
           where variant.RunsOn(DeviceKind.OpenCl)
           from kernel in variant.DeviceKernels
           select kernel;

    [TestMethod]
    public void Every_barrier_orders_local_and_global_memory()
    {
        using var compiler = new OpenClCompiler();
        var wrong = new List<string>();
        int barriers = 0;
        foreach (DeviceKernel kernel in Kernels())
        {
            (string source, int localBytes) = compiler.Compile(kernel);
            MatchCollection found = Barrier().Matches(source);
            barriers += found.Count;
            wrong.AddRange(found.Select(static m => m.Value).Where(static b => !Orders(b)).Select(b => $"{kernel.Name}: {b}"));
            if (localBytes > 0 && found.Count == 0)
                wrong.Add($"{kernel.Name} has {localBytes} bytes of local memory and no barrier.");
        }

        Assert.IsEmpty(wrong, string.Join("\n", wrong));
        Assert.IsGreaterThan(0, barriers, "No kernel has a barrier: the pattern finds none.");

        static bool Orders(string barrier)
            => barrier.Contains("CLK_LOCAL_MEM_FENCE", StringComparison.Ordinal) && barrier.Contains("CLK_GLOBAL_MEM_FENCE", StringComparison.Ordinal);
    }

    [TestMethod]
    public void A_device_needs_what_the_most_demanding_kernel_takes()
    {
        using var compiler = new OpenClCompiler();
        Dictionary<string, int> bytes = Kernels().DistinctBy(static k => k.Method).ToDictionary(static k => k.Name, k => compiler.Compile(k).LocalMemoryBytes);
        KeyValuePair<string, int> largest = bytes.MaxBy(static b => b.Value);
        Assert.AreEqual(OpenClRequirements.LocalMemoryBytes, largest.Value, largest.Key);
        Assert.AreEqual(OpenClRequirements.GroupSize, Kernels().Max(static k => k.GroupSize));

        // What many an embedded GPU has, and Oclgrind.
        Assert.IsLessThanOrEqualTo(32 << 10, OpenClRequirements.LocalMemoryBytes);
    }

    [TestMethod]
    [DataRow("\twork_group_barrier(CLK_GLOBAL_MEM_FENCE);\n", "\twork_group_barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);\n")]
    [DataRow("sub_group_barrier(CLK_GLOBAL_MEM_FENCE);", "sub_group_barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);")]
    [DataRow("work_group_barrier(CLK_GLOBAL_MEM_FENCE, memory_scope_device);",
        "work_group_barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE, memory_scope_device);")]
    [DataRow("var1 = var0 + 1;", "var1 = var0 + 1;")]
    public void Every_kind_of_fence_is_mended_and_nothing_else(string source, string mended) => StringAssert.EndsWith(OpenClText.Mend(source), mended);

    [GeneratedRegex(@"\w*(barrier|mem_fence|work_item_fence)\s*\([^)]*\)")]
    private static partial Regex Barrier();
}
