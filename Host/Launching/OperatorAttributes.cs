namespace GpuTransformer.Host;

/// <summary>
/// Declares an operator, on the partial record struct of its arguments. The generator in tools/GpuTransformer.Generators writes the rest: <c>Definition</c>, a launch for each
/// <see cref="VariantAttribute"/>, and the line in <see cref="KernelCatalog"/>.
/// </summary>
/// <param name="name">Its name in the catalogue.</param>
/// <param name="formula">What it computes.</param>
[AttributeUsage(AttributeTargets.Struct)]
internal sealed class OperatorAttribute(string name, string formula) : Attribute
{
    public string Name { get; } = name;

    public string Formula { get; } = formula;
}

/// <summary>
/// A kernel that computes the operator: a block kernel is its Vectorized variant, a grid kernel its Portable one. Each field of the kernel's parameter block is the argument of its name: a
/// tensor becomes a view or a pointer of the field's element type, a bool or an enumeration an int, and a method of the device (<c>RowsPerBlock(device)</c>) what it returns. A nested block is
/// filled in the same way. The kernel's storage type is that of its first buffer's tensor. The kernel says as <c>Groups</c> or <c>Blocks</c> how large its launch is. A static
/// <c>LaunchPortable</c> or <c>LaunchVectorized</c> in the record takes the place of the generated one.
/// </summary>
/// <param name="kernel">Its open generic type: <c>typeof(SoftmaxPortable&lt;&gt;)</c>.</param>
/// <param name="summary">What sets it apart, in a sentence.</param>
[AttributeUsage(AttributeTargets.Struct, AllowMultiple = true)]
internal sealed class VariantAttribute(Type kernel, string summary) : Attribute
{
    public Type Kernel { get; } = kernel;

    public string Summary { get; } = summary;
}
