using System.Reflection;
using System.Reflection.Emit;
using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>
/// The kernels that a launching function can launch, found by reading its compiled instructions: every specialisation that a switch over data types or widths leads to, so
/// that the list of entry points is what can be launched and cannot say anything else.
/// </summary>
internal static class EntryPoints
{
    private const BindingFlags Statics = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static;

    private static readonly Dictionary<short, OpCode> s_codes =
        typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static).Select(static f => (OpCode)f.GetValue(null)!).ToDictionary(static c => c.Value);

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

    private static bool IsKernel(MethodBase method) => method is { IsStatic: true, Name: "Kernel" } && typeof(IGridKernel).IsAssignableFrom(method.DeclaringType);

    private static bool IsLaunch(MethodBase method)
        => method.IsStatic && !method.IsAbstract && method.Module == typeof(EntryPoints).Module
           && method.GetParameters().Any(static p => p.ParameterType == typeof(ComputeDevice));

    private static IEnumerable<MethodBase> Callees(MethodBase method)
    {
        byte[] code = method.GetMethodBody()?.GetILAsByteArray() ?? [];
        Type[] typeArguments = method.DeclaringType?.GetGenericArguments() ?? [], methodArguments = method.IsGenericMethod ? method.GetGenericArguments() : [];
        Type? constrained = null;
        for (int at = 0; at < code.Length;)
        {
            OpCode operation = code[at] == 0xFE ? s_codes[(short)(0xFE00 | code[at + 1])] : s_codes[code[at]];
            at += operation.Size;
            if (operation == OpCodes.Constrained)
                constrained = method.Module.ResolveType(BitConverter.ToInt32(code, at), typeArguments, methodArguments);
            if (operation.OperandType == OperandType.InlineMethod)
            {
                MethodBase callee = method.Module.ResolveMethod(BitConverter.ToInt32(code, at), typeArguments, methodArguments)!;
                yield return constrained is null ? callee : Implementation(constrained, callee);
                constrained = null;
            }

            at += OperandSize(operation.OperandType, code, at);
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

    private static int OperandSize(OperandType type, byte[] code, int at) => type switch
    {
        OperandType.InlineNone => 0,
        OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
        OperandType.InlineVar => 2,
        OperandType.InlineI8 or OperandType.InlineR => 8,
        OperandType.InlineSwitch => 4 + 4 * BitConverter.ToInt32(code, at),
        _ => 4,
    };
}
