namespace GpuTransformer.Host;

/// <summary>
/// Declares an operator, on the partial record struct of its arguments. The generator in tools/GpuTransformer.Generators writes the rest: <c>Definition</c>, a
/// launch for each <see cref="VariantAttribute"/>, and the line in <see cref="KernelCatalog"/>.
/// </summary>
/// <remarks>
/// A record with a type parameter is a family of operators, one for each function: each type of this assembly that implements the interface by which the
/// parameter is constrained. The function gives <c>Name</c> and <c>Formula</c>.
/// </remarks>
[AttributeUsage(AttributeTargets.Struct)]
internal sealed class OperatorAttribute : Attribute
{
    /// <param name="name">Its name in the catalogue.</param>
    /// <param name="formula">What it computes.</param>
    public OperatorAttribute(string name, string formula) => (Name, Formula) = (name, formula);

    /// <summary>Of a family, whose functions have names and formulas.</summary>
    public OperatorAttribute()
        : this(string.Empty, string.Empty)
    {
    }

    public string Name { get; }

    public string Formula { get; }

    /// <summary>Of a family: what follows the function's name.</summary>
    public string Suffix { get; init; } = string.Empty;

    /// <summary>Of a family: what comes before the function's formula.</summary>
    public string Derivation { get; init; } = string.Empty;
}

/// <summary>
/// A kernel that is part of a variant, on the record of the operator's arguments: the generator writes its launch, <c>Launch</c> and the kernel's name, with
/// the switch over storage types and its fields, as it does for a <see cref="VariantAttribute"/>. What launches when is then written by hand. A kernel with
/// several storage types has them all alike, unless <see cref="EveryPair"/> is set.
/// </summary>
/// <param name="kernel">Its open generic type: <c>typeof(FoldRowsPortable&lt;&gt;)</c>.</param>
[AttributeUsage(AttributeTargets.Struct, AllowMultiple = true)]
internal sealed class LaunchesAttribute(Type kernel) : Attribute
{
    public Type Kernel { get; } = kernel;

    /// <summary>Whether each storage type is that of its own tensor; the launch is then called <c>Launch…Pairs</c>.</summary>
    public bool EveryPair { get; init; }

    /// <summary>The type parameter that stands for flags and not for real numbers, if one does; the launch is then called <c>Launch…Flag…</c>.</summary>
    public string? Flags { get; init; }
}

/// <summary>
/// A kernel that computes the operator: a block kernel is its Vectorized variant, a grid kernel its Portable one. Each field of the kernel's parameter block is
/// the argument of its name: a tensor becomes a view or a pointer of the field's element type, a bool or an enumeration an int, and a method of the device
/// (<c>RowsPerBlock(device)</c>) what it returns. A nested block is filled in the same way. The kernel's storage type is that of its first buffer's tensor. The
/// kernel says as <c>Groups</c> or <c>Blocks</c> how large its launch is. A static <c>LaunchPortable</c> or <c>LaunchVectorized</c> in the record takes the
/// place of the generated one.
/// </summary>
/// <param name="kernel">Its open generic type: <c>typeof(SoftmaxPortable&lt;&gt;)</c>.</param>
/// <param name="summary">What sets it apart, in a sentence.</param>
[AttributeUsage(AttributeTargets.Struct, AllowMultiple = true)]
internal sealed class VariantAttribute(Type kernel, string summary) : Attribute
{
    public Type Kernel { get; } = kernel;

    public string Summary { get; } = summary;
}
