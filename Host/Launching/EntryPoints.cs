using System.Reflection;
using System.Reflection.Emit;
using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>
/// The kernels that a launching function can launch, found by reading its compiled instructions: every specialisation that a switch over data types or widths
/// leads to, so that the list of entry points is what can be launched and cannot say anything else.
/// </summary>
internal static class EntryPoints
{
    private const BindingFlags Statics = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static;

    /// <summary>The kernels, in the order of the source. Followed are functions of this library that are handed a device.</summary>
    public static IReadOnlyList<DeviceKernel> Of(MethodInfo launch)
    {
        var kernels = new List<DeviceKernel>();
        var seen = new HashSet<MethodBase>();
        Follow(launch);
        return kernels;

        void Follow(MethodBase method)
        {
            foreach (MethodBase callee in Callees(method).Where(seen.Add))
            {
                if (IsKernel(callee))
                    kernels.Add(DeviceKernel.Of((MethodInfo)callee));
                else if (IsLaunch(callee))
                    Follow(callee);
            }
        }
    }

    private static bool IsKernel(MethodBase method)
        => method is { IsStatic: true, Name: "Kernel" } && typeof(IGridKernel).IsAssignableFrom(method.DeclaringType);

    private static bool IsLaunch(MethodBase method)
        => method.IsStatic && !method.IsAbstract && method.Module == typeof(EntryPoints).Module
           && method.GetParameters().Any(static p => p.ParameterType == typeof(ComputeDevice));

    private static IEnumerable<MethodBase> Callees(MethodBase method)
    {
        Type[] typeArguments = method.DeclaringType?.GetGenericArguments() ?? [], methodArguments = method.IsGenericMethod ? method.GetGenericArguments() : [];
        Type? constrained = null;
        foreach ((OpCode operation, int token) in CompiledInstructions.Of(method))
        {
            if (operation == OpCodes.Constrained)
                constrained = method.Module.ResolveType(token, typeArguments, methodArguments);
            if (operation.OperandType == OperandType.InlineMethod)
            {
                MethodBase callee = method.Module.ResolveMethod(token, typeArguments, methodArguments)!;
                yield return constrained is null ? callee : Implementation(constrained, callee);
                constrained = null;
            }
        }
    }

    // What a static member of an interface is on the type that a type argument stands for.
    private static MethodBase Implementation(Type type, MethodBase declared)
    {
        if (!declared.IsStatic || declared.DeclaringType is not { IsInterface: true })
            return declared;
        Type[] arguments = declared.GetGenericArguments();
        MethodInfo found = type.GetMethods(Statics).Single(m => m.Name == declared.Name && m.GetGenericArguments().Length == arguments.Length);
        return arguments.Length == 0 ? found : found.MakeGenericMethod(arguments);
    }
}
