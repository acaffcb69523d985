namespace GpuTransformer.Host;

/// <summary>
/// Declares an operator, on the partial record struct of its arguments. The generator in tools/GpuTransformer.Generators writes the rest: <c>Definition</c>, or for a generic operator
/// <c>Define(name, formula)</c>; a launch for each <see cref="VariantAttribute"/>; and the line in <see cref="KernelCatalog"/>.
/// </summary>
[AttributeUsage(AttributeTargets.Struct)]
internal sealed class OperatorAttribute : Attribute
{
    /// <summary>A generic operator, whose specialisations have names of their own.</summary>
    public OperatorAttribute()
    {
    }

    /// <param name="name">Its name in the catalogue.</param>
    /// <param name="formula">What it computes.</param>
    public OperatorAttribute(string name, string formula)
    {
        Name = name;
        Formula = formula;
    }

    public string? Name { get; }

    public string? Formula { get; }
}

/// <summary>
/// A kernel that computes the operator: a block kernel is its Vectorized variant, a grid kernel its Portable one. Each field of the kernel's parameter block is the argument of its name: a
/// tensor becomes a view or a pointer of the field's element type, a bool or an enumeration an int, and a method of the device (<c>RowsPerBlock(device)</c>) what it returns. A nested block is
/// filled in the same way. The kernel's storage type is that of its first buffer's tensor. A static <c>LaunchPortable</c> or <c>LaunchVectorized</c> in the record takes the place of the generated one.
/// </summary>
/// <param name="kernel">Its open generic type: <c>typeof(SoftmaxPortable&lt;&gt;)</c>.</param>
/// <param name="summary">What sets it apart, in a sentence.</param>
[AttributeUsage(AttributeTargets.Struct, AllowMultiple = true)]
internal sealed class VariantAttribute(Type kernel, string summary) : Attribute
{
    public Type Kernel { get; } = kernel;

    public string Summary { get; } = summary;

    /// <summary>Whether input and output may be stored differently: a specialisation for every pair. Otherwise one storage type serves all buffers.</summary>
    public bool EveryPair { get; init; }
}

/// <summary>A parameter block that is filled from the arguments for a launch by hand: <c>BindX(device, arguments)</c>.</summary>
/// <param name="block">Its open generic type.</param>
[AttributeUsage(AttributeTargets.Struct, AllowMultiple = true)]
internal sealed class BindsAttribute(Type block) : Attribute
{
    public Type Block { get; } = block;
}

/// <summary>Another operator's work that follows each launch of this one.</summary>
/// <param name="member">The argument that holds that operator's arguments; null where there is nothing to do.</param>
[AttributeUsage(AttributeTargets.Struct, AllowMultiple = true)]
internal sealed class ThenAttribute(string member) : Attribute
{
    public string Member { get; } = member;
}
