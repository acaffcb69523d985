using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using GpuTransformer.Host;
using GpuTransformer.Kernels;

namespace GpuTransformer.Tests.Architecture;

/// <summary>tools → Modules → Host → Kernels, and never the other way: read from the compiled assemblies, where nothing can hide.</summary>
[TestClass]
public sealed class DependencyTests
{
    private static readonly Assembly s_kernels = typeof(Float32).Assembly;
    private static readonly Assembly s_host = typeof(ComputeDevice).Assembly;
    private static readonly Assembly s_modules = Assembly.Load("GpuTransformer.Modules");

    [TestMethod]
    public void Kernels_know_nothing()
        => AssertReferences(s_kernels, static name => name is "ILGPU" or "ILGPU.Algorithms" || IsRuntime(name));

    [TestMethod]
    public void The_host_knows_kernels_and_devices()
        => AssertReferences(s_host, static name => name is "GpuTransformer.Kernels" or "ILGPU" or "ILGPU.Algorithms" || IsRuntime(name));

    [TestMethod]
    public void Modules_know_the_host_and_neither_kernels_nor_ILGPU()
        => AssertReferences(s_modules, static name => name is "GpuTransformer.Host" || IsRuntime(name));

    [TestMethod]
    [DynamicData(nameof(Libraries))]
    public void Oracles_are_not_shipped(string name)
    {
        string[] oracles =
        [
            .. from type in Assembly.Load(name).GetTypes()
               where type.Name.EndsWith("Reference", StringComparison.Ordinal) || type.Name.EndsWith("Cases", StringComparison.Ordinal)
               select type.Name,
        ];
        Assert.IsEmpty(oracles, $"{string.Join(", ", oracles)}: what proves an operator belongs to tools/GpuTransformer.Validation.");
    }

    [TestMethod]
    [DynamicData(nameof(Libraries))]
    public void Libraries_print_nothing(string name)
        => Assert.DoesNotContain("System.Console", References(Assembly.Load(name)), $"{name} uses the console; only tools talk to people.");

    /// <summary>Device code: no accelerator, no memory of its own, no files, no logging.</summary>
    [TestMethod]
    public void Kernels_touch_no_device()
    {
        string[] forbidden =
        [
            "ILGPU.Context", "ILGPU.Runtime.Accelerator", "ILGPU.Runtime.AcceleratorStream", "ILGPU.Runtime.MemoryBuffer", "System.ArgumentException",
        ];
        string[] used = [.. TypeReferences(s_kernels).Where(type => forbidden.Contains(type) || type.StartsWith("System.IO.", StringComparison.Ordinal))];
        Assert.IsEmpty(used, $"Kernels use {string.Join(", ", used)}: allocation, launching and validation belong to Host.");
    }

    public static IEnumerable<object[]> Libraries()
    {
        yield return ["GpuTransformer.Kernels"];
        yield return ["GpuTransformer.Host"];
        yield return ["GpuTransformer.Modules"];
    }

    /// <summary>The names of the types of other assemblies that this one uses.</summary>
    internal static IEnumerable<string> TypeReferences(Assembly assembly)
    {
        using var file = new PEReader(File.OpenRead(assembly.Location));
        MetadataReader reader = file.GetMetadataReader();
        foreach (TypeReferenceHandle handle in reader.TypeReferences)
        {
            TypeReference type = reader.GetTypeReference(handle);
            yield return $"{reader.GetString(type.Namespace)}.{reader.GetString(type.Name)}";
        }
    }

    private static bool IsRuntime(string name) => name == "netstandard" || name == "mscorlib" || name.StartsWith("System.", StringComparison.Ordinal);

    private static IEnumerable<string> References(Assembly assembly) => assembly.GetReferencedAssemblies().Select(static reference => reference.Name!);

    private static void AssertReferences(Assembly assembly, Func<string, bool> allowed)
    {
        string[] wrong = [.. References(assembly).Where(name => !allowed(name))];
        Assert.IsEmpty(wrong, $"{assembly.GetName().Name} references {string.Join(", ", wrong)}.");
    }
}
