using System.Reflection;

namespace GpuTransformer.Tests.Architecture;

/// <summary>
/// No ILGPU type in any public signature but those for kernels of one's own: a port to another ILGPU must not change what everybody else compiles against.
/// </summary>
[TestClass]
public sealed class PublicSurfaceTests
{
    private const string OwnKernels = "GpuTransformer.Host.CustomKernels";

    private const BindingFlags Declared =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    [TestMethod]
    [DataRow("GpuTransformer.Modules")]
    [DataRow("GpuTransformer.Host")]
    public void Shows_no_ILGPU_type(string assembly)
    {
        Type[] exported = Assembly.Load(assembly).GetExportedTypes();
        string[] leaks =
        [
            .. from type in exported
               where type.Namespace != OwnKernels
               from signature in Signatures(type)
               where Mentioned(signature.Type).Any(static t => t.Assembly.GetName().Name!.StartsWith("ILGPU", StringComparison.Ordinal))
               select $"{type.FullName}: {signature.Where}",
        ];
        Assert.IsEmpty(leaks, $"ILGPU types are visible in {string.Join("; ", leaks)}.");
    }

    [TestMethod]
    public void Kernels_of_ones_own_are_the_one_seam()
    {
        string[] seam = [.. Assembly.Load("GpuTransformer.Host").GetExportedTypes().Where(static t => t.Namespace == OwnKernels).Select(static t => t.Name).Order(StringComparer.Ordinal)];
        CollectionAssert.AreEqual(new[] { "CustomKernelLaunches", "ICustomKernel`1", "IGroupKernel`1", "KernelArguments`1", "KernelTensors" }, seam);
    }

    [TestMethod]
    public void Kernels_export_nothing() => Assert.IsEmpty(Assembly.Load("GpuTransformer.Kernels").GetExportedTypes());

    [TestMethod]
    public void The_search_sees_through_generics_arrays_and_inheritance()
    {
        Assert.Contains(typeof(ILGPU.Index1D), Mentioned(typeof(Dictionary<int, ILGPU.Index1D[]>)));
        Assert.Contains(typeof(ILGPU.Index1D), Signatures(typeof(List<ILGPU.Index1D>)).SelectMany(static s => Mentioned(s.Type)));
        Assert.Contains(typeof(ILGPU.Index1D), Mentioned(typeof(ILGPU.Index1D).MakeByRefType()));
    }

    /// <summary>Every type that a user of <paramref name="type"/> can see, and where.</summary>
    private static IEnumerable<(string Where, Type Type)> Signatures(Type type)
    {
        if (type.BaseType is { } parent)
            yield return ("base type", parent);
        foreach (Type implemented in type.GetInterfaces())
            yield return ("interface", implemented);
        foreach (Type argument in type.GetGenericArguments())
        {
            yield return ("type argument", argument);
            foreach (Type constraint in argument.IsGenericParameter ? argument.GetGenericParameterConstraints() : [])
                yield return ("constraint", constraint);
        }

        foreach (FieldInfo field in type.GetFields(Declared).Where(static f => f.IsPublic || f.IsFamily || f.IsFamilyOrAssembly))
            yield return (field.Name, field.FieldType);

        // Properties and events are their accessors.
        foreach (MethodBase method in type.GetMethods(Declared).Concat<MethodBase>(type.GetConstructors(Declared)))
        {
            if (!method.IsPublic && !method.IsFamily && !method.IsFamilyOrAssembly)
                continue;
            foreach (ParameterInfo parameter in method.GetParameters())
                yield return ($"{method.Name}({parameter.Name})", parameter.ParameterType);
            if (method is MethodInfo function)
                yield return (method.Name, function.ReturnType);
            foreach (Type argument in method.IsGenericMethod ? method.GetGenericArguments() : [])
            {
                foreach (Type constraint in argument.GetGenericParameterConstraints())
                    yield return ($"constraint of {method.Name}", constraint);
            }
        }
    }

    private static IEnumerable<Type> Mentioned(Type type)
    {
        if (type.HasElementType)
            return Mentioned(type.GetElementType()!);
        return type.IsGenericType ? type.GetGenericArguments().SelectMany(Mentioned).Prepend(type) : [type];
    }
}
