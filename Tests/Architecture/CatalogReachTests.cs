using System.Reflection;
using GpuTransformer.Host;
using GpuTransformer.Kernels;

namespace GpuTransformer.Tests.Architecture;

/// <summary>A kernel that is not in the catalogue does not exist; these tests find one that does anyway.</summary>
[TestClass]
public sealed class CatalogReachTests
{
    private static readonly Type[] s_types = typeof(Float32).Assembly.GetTypes();

    [TestMethod]
    public void Every_GPU_kernel_is_in_the_catalogue()
    {
        HashSet<Type> listed = [.. from definition in KernelCatalog.Operators from variant in definition.Variants from kernel in variant.DeviceKernels
            select Definition(kernel.Method.DeclaringType!)];
        Type[] kernels = [.. s_types.Where(static type => type.IsValueType
            && type.GetMethod("Kernel", BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static) is not null)];
        Assert.IsNotEmpty(kernels);
        string[] missing = [.. kernels.Where(kernel => !listed.Contains(Definition(kernel))).Select(static kernel => kernel.Name)];
        Assert.IsEmpty(missing, $"{string.Join(", ", missing)}: no variant lists it, so nothing assembles it.");
    }

    [TestMethod]
    public void Every_processor_kernel_is_launched_by_the_host()
    {
        HashSet<string> used = [.. DependencyTests.TypeReferences(typeof(ComputeDevice).Assembly)];
        Type[] kernels = [.. s_types.Where(static type => type.IsValueType && typeof(IBlockKernel).IsAssignableFrom(type))];
        Assert.IsNotEmpty(kernels);
        string[] missing = [.. kernels.Where(kernel => !used.Contains($"{kernel.Namespace}.{kernel.Name}")).Select(static kernel => kernel.Name)];
        Assert.IsEmpty(missing, $"{string.Join(", ", missing)}: nothing launches it.");
    }

    [TestMethod]
    public void Kernel_parameters_are_plain_data()
    {
        string[] wrong =
        [
            .. from definition in KernelCatalog.Operators
               from variant in definition.Variants
               from kernel in variant.DeviceKernels
               from field in kernel.Method.DeclaringType!.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
               where field.FieldType == typeof(bool) || field.FieldType == typeof(char) || !field.FieldType.IsValueType
               select $"{kernel.Name}.{field.Name}",
        ];
        Assert.IsEmpty(wrong, $"{string.Join(", ", wrong)}: not blittable, so no GPU can be given it.");
    }

    private static Type Definition(Type type) => type.IsGenericType ? type.GetGenericTypeDefinition() : type;
}
