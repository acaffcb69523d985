using GpuTransformer.Host;
using GpuTransformer.Host.Cuda;

namespace GpuTransformer.Tests;

[TestClass]
public sealed class PtxCompilerTests
{
    [TestMethod]
    public void Every_kernel_of_the_catalogue_has_a_ptx_form()
    {
        using var compiler = new PtxCompiler("sm_90");
        var failures = new List<string>();
        foreach (DeviceKernel kernel in KernelCatalog.Operators.SelectMany(static o => o.Variants).SelectMany(static v => v.DeviceKernels).DistinctBy(static k
            => k.Method))
        {
            try
            {
                string text = compiler.Compile(kernel);
                if (!text.Contains(".visible .entry", StringComparison.Ordinal))
                    failures.Add($"{kernel.Name}: no entry point");
            }
            catch (ILGPU.InternalCompilerException exception)
            {
                failures.Add($"{kernel.Name}: {exception.GetBaseException().Message}");
            }
        }

        Assert.IsEmpty(failures, string.Join("\n", failures));
    }

    [TestMethod]
    public void Every_variant_that_runs_on_a_gpu_lists_its_kernels()
    {
        foreach (KernelVariant variant in KernelCatalog.Operators.SelectMany(static o => o.Variants))
            Assert.AreEqual(variant.RunsOn(DeviceKind.Cuda), variant.DeviceKernels.Count > 0, $"{variant.Name}: {variant.Summary}");
    }

    [TestMethod]
    [DataRow("sm_80", ".target sm_80")]
    [DataRow("sm_90", ".target sm_80")]
    [DataRow("sm_75", ".target sm_75")]
    public void The_target_is_the_architecture_up_to_what_ilgpu_names(string architecture, string target)
    {
        using var compiler = new PtxCompiler(architecture);
        string text = compiler.Compile(KernelCatalog.Operators[0].Variants.SelectMany(static v => v.DeviceKernels).First());
        StringAssert.Contains(text, target);
        StringAssert.Contains(text, ".version 7.8");
    }

    [TestMethod]
    [DataRow("sm_13")]
    [DataRow("sm_90a")]
    [DataRow("")]
    public void An_unknown_architecture_is_refused_with_the_known_ones(string architecture)
    {
        var exception = Assert.ThrowsExactly<ArgumentException>(() => new PtxCompiler(architecture));
        StringAssert.Contains(exception.Message, "sm_90");
    }
}
