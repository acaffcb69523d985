namespace GpuTransformer.Generators;

/// <summary>What the generator knows by name.</summary>
internal static class Names
{
    public const string OperatorAttribute = "GpuTransformer.Host.OperatorAttribute";
    public const string LaunchesAttribute = "GpuTransformer.Host.LaunchesAttribute";
    public const string EveryPair = "EveryPair";
    public const string Flags = "Flags";
    public const string FlagType = "GpuTransformer.Kernels.Flag";
    public const string VariantAttribute = "VariantAttribute";
    public const string Definition = "Definition";
    public const string Element = "IElement";
    public const string Tensor = "Tensor";
    public const string ArrayView = "ArrayView";

    /// <summary>What a grid kernel says of the launch that its fields need; a constant or a property.</summary>
    public const string Groups = "Groups";

    /// <summary>The same of a block kernel.</summary>
    public const string Blocks = "Blocks";
}
