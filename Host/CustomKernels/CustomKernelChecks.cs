using System.Reflection;
using System.Runtime.CompilerServices;
using ILGPU;

namespace GpuTransformer.Host.CustomKernels;

/// <summary>
/// What must be right about a kernel's struct, found once for each: in words of its author's, where ILGPU and the runtime would speak of launchers.
/// </summary>
internal static class CustomKernelChecks<TKernel>
    where TKernel : struct
{
    // The dynamic assembly that ILGPU's launchers are in.
    private const string Launchers = "ILGPURuntime";

    private static readonly string? s_wrong = Invisible(typeof(TKernel)) ?? WrongField(typeof(TKernel), typeof(TKernel).Name);

    /// <exception cref="ArgumentException">The struct cannot be launched.</exception>
    public static void ThrowIfWrong()
    {
        if (s_wrong is not null)
            throw new ArgumentException(s_wrong, typeof(TKernel).Name);
    }

    private static string? Invisible(Type type)
    {
        if (type.IsVisible)
            return null;
        bool isShown = type.Assembly.GetCustomAttributes<InternalsVisibleToAttribute>().Any(static a => a.AssemblyName.Split(',')[0] == Launchers);
        for (Type? part = type; part is not null; part = part.DeclaringType)
        {
            if (!isShown || part.IsNestedPrivate || part.IsNestedFamily || part.IsNestedFamANDAssem)
                return $"{type.Name} cannot be launched: {part.Name} is not public, and ILGPU's launchers see a kernel from outside. Make it public, or "
                    + $"internal with InternalsVisibleTo(\"{Launchers}\").";
        }

        return null;
    }

    private static string? WrongField(Type type, string path)
    {
        foreach (FieldInfo field in type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic))
        {
            Type held = field.FieldType;
            string where = $"{path}.{field.Name}";
            if (held.IsGenericType && held.GetGenericTypeDefinition() == typeof(ArrayView<>))
                held = held.GetGenericArguments()[0];
            if (!held.IsValueType || held == typeof(bool) || held == typeof(char) || held == typeof(decimal))
                return $"{where} is a {held.Name}, which no device can be given; a kernel's struct holds numbers, array views and structs of them.";
            if (!held.IsPrimitive && !held.IsEnum && WrongField(held, where) is { } wrong)
                return wrong;
        }

        return null;
    }
}
