using System.Reflection;
using GpuTransformer.Host;
using GpuTransformer.Kernels;

namespace GpuTransformer.Tests;

/// <summary>The list of entry points, which the PTX checks walk, is what can be launched.</summary>
[TestClass]
public sealed class EntryPointTests
{
    private static readonly string[] s_elements = ["Float32", "Float16", "BFloat16"];

    private static readonly string[] s_tiles = ["OutputTile64", "DoubleTile<OutputTile64>"];

    [TestMethod]
    [DataRow("Attention", "FlashForwardPortable")]
    [DataRow("AttentionBackward", "FlashBackwardQueryPortable")]
    [DataRow("AttentionBackward", "FlashBackwardKeyValuePortable")]
    public void Attention_is_there_for_every_storage_type_and_width(string operatorName, string kernel)
        => AssertListed(operatorName, from element in s_elements from tile in s_tiles select $"{kernel}<{element}, {tile}>");

    [TestMethod]
    [DataRow("FlashBackwardDeltaPortable")]
    [DataRow("FlashBackwardBiasPortable")]
    public void Attentions_gradient_is_there_for_every_storage_type(string kernel)
        => AssertListed("AttentionBackward", s_elements.Select(element => $"{kernel}<{element}>"));

    [TestMethod]
    public void Casts_are_there_for_every_pair()
        => AssertListed("Cast", from source in s_elements from target in s_elements select $"ElementwisePortable<{source}, {target}, ScaleOperation>");

    [TestMethod]
    public void Tensor_cores_are_there_with_and_without_masks_and_biases()
        => AssertListed(
            "Attention",
            from mask in new[] { "NoAttentionMask", "ArrayAttentionMask" }
            from score in new[] { "ScaledScore", "BiasedScore" }
            select $"AttentionTensorCore<{mask}, {score}>");

    [TestMethod]
    public void An_operator_lists_the_kernels_of_others_that_it_launches()
        => AssertListed("RmsNormBackward", s_elements.SelectMany(static e => new[]
        {
            $"RowNormBackwardPortable<{e}, RmsNormalization>", $"SumRowsPortable<{e}>", $"FoldRowsPortable<{e}>", $"FoldSegmentsPortable<{e}>",
        }));

    [TestMethod]
    [DataRow("opencl"), DataRow("cuda"), DataRow(TestDevices.Simulator)]
    public void Whatever_is_launched_is_listed(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        HashSet<MethodInfo> listed = [.. KernelCatalog.Operators.SelectMany(static o => o.Variants).SelectMany(static v => v.DeviceKernels).Select(static k => k.Method)];
        foreach (OperatorDefinition definition in KernelCatalog.Operators)
        {
            foreach (KernelVariant variant in definition.Variants.Where(v => v.RunsOn(device.Kind)))
            {
                foreach (ValidationCase validation in definition.Cases(seed: 1).Where(static c => c.Size == ValidationSize.Tiny))
                    validation.Run(device, variant);
            }
        }

        Assert.IsNotEmpty(device.LoadedKernels);
        string[] missing =
        [
            .. device.LoadedKernels.Where(kernel => kernel.Module == typeof(Float32).Module && !listed.Contains(kernel)).Select(static kernel => kernel.DeclaringType!.ToString()),
        ];
        Assert.IsEmpty(missing, string.Join("\n", missing));
    }

    private static void AssertListed(string operatorName, IEnumerable<string> kernels)
    {
        string[] listed = [.. KernelCatalog.Operators.Single(o => o.Name == operatorName).Variants.SelectMany(static v => v.DeviceKernels).Select(static k => k.Name)];
        string[] missing = [.. kernels.Except(listed)];
        Assert.IsEmpty(missing, $"{string.Join(", ", missing)}: not among {string.Join(", ", listed)}");
    }
}
