using GpuTransformer.Host;

namespace GpuTransformer.Tests;

/// <summary>
/// The list of entry points, which the PTX checks walk, is what can be launched. That whatever is launched is listed is seen where everything is launched: in
/// <see cref="CatalogTests"/>.
/// </summary>
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

    private static void AssertListed(string operatorName, IEnumerable<string> kernels)
    {
        string[] listed =
            [.. KernelCatalog.Operators.Single(o => o.Name == operatorName).Variants.SelectMany(static v => v.DeviceKernels).Select(static k => k.Name)];
        string[] missing = [.. kernels.Except(listed)];
        Assert.IsEmpty(missing, $"{string.Join(", ", missing)}: not among {string.Join(", ", listed)}");
    }
}
