using System.Reflection;
using System.Text.RegularExpressions;

namespace GpuTransformer.Tests.Architecture;

/// <summary>
/// No ILGPU type in any public signature but those for kernels of one's own: a port to another ILGPU must not change what everybody else compiles against.
/// </summary>
[TestClass]
public sealed class PublicSurfaceTests
{
    public required TestContext TestContext { get; init; }

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
        string[] seam = [.. Assembly.Load("GpuTransformer.Host").GetExportedTypes().Where(static t => t.Namespace == OwnKernels).Select(static t
            => t.Name).Order(StringComparer.Ordinal)];
        CollectionAssert.AreEqual(new[] { "CustomKernelLaunches", "ICustomKernel`1", "IGroupKernel`1", "KernelArguments`1", "KernelTensors" }, seam);
    }

    /// <summary>A public type is part of another's public surface, or people are told of it. What only the command line needs is internal.</summary>
    [TestMethod]
    public void Every_public_type_is_there_for_users()
    {
        Type[] exported = [.. new[] { "GpuTransformer.Host", "GpuTransformer.Modules" }.SelectMany(static name => Assembly.Load(name).GetExportedTypes())];
        HashSet<Type> mentioned =
        [
            .. from type in exported
               from signature in Signatures(type)
               from part in Mentioned(signature.Type)
               let definition = part.IsGenericType ? part.GetGenericTypeDefinition() : part
               where definition != type && definition.DeclaringType != type
               select definition,
        ];
        string told = string.Concat(Documents().Select(static file => File.ReadAllText(RepositoryFiles.PathOf(file))));
        string[] entries = [.. exported.Where(type => !mentioned.Contains(type) && !IsMetBySight(type)).Select(Name).Distinct().Order(StringComparer.Ordinal)];
        TestContext.WriteLine($"{exported.Length} public types, {entries.Length} of them entry points: {string.Join(", ", entries)}");
        string[] untold = [.. entries.Where(name => !Regex.IsMatch(told, $@"\b{name}\b"))];
        Assert.IsEmpty(untold, $"Public, but in no signature, document or sample: {string.Join(", ", untold)}.");
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

    // What is caught, and what gives other types more methods, is never looked up by its name.
    private static bool IsMetBySight(Type type)
        => type.IsSubclassOf(typeof(Exception))
        || type.GetMethods(Declared).Any(static m => m.IsDefined(typeof(System.Runtime.CompilerServices.ExtensionAttribute)));

    private static string Name(Type type) => type.Name.Split('`')[0];

    private static IEnumerable<string> Documents()
        => Directory.EnumerateFiles(RepositoryFiles.PathOf("docs"), "*.md", SearchOption.AllDirectories).Append(RepositoryFiles.PathOf("README.md"))
            .Concat(RepositoryFiles.Sources("tools/samples").Select(static file => RepositoryFiles.PathOf(file)));

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
