using System.Reflection;
using System.Reflection.Emit;
using GpuTransformer.Host;

namespace GpuTransformer.Tests;

/// <summary>What methods refer to, read from their compiled instructions: calls, lambdas that they make, and fields.</summary>
internal static class CallGraph
{
    private const BindingFlags Everything =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;

    /// <summary>The methods of a type that were written in it, its lambdas apart, which are reached from where they are made.</summary>
    public static IEnumerable<MethodBase> Methods(Type type) => type.GetMethods(Everything).Where(static m => !m.Name.Contains('<'));

    /// <summary>
    /// The methods and fields that <paramref name="start"/> refers to, and those that these refer to as far as <paramref name="follows"/> says.
    /// </summary>
    public static HashSet<MemberInfo> Reachable(MethodBase start, Func<MethodBase, bool> follows)
    {
        var found = new HashSet<MemberInfo>();
        var open = new Stack<MethodBase>([start]);
        while (open.TryPop(out MethodBase? method))
        {
            foreach (MemberInfo member in References(method).Where(found.Add))
            {
                if (member is MethodBase next && follows(next))
                    open.Push(next);
            }
        }

        return found;
    }

    private static IEnumerable<MemberInfo> References(MethodBase method)
    {
        foreach ((OpCode operation, int token) in CompiledInstructions.Of(method))
        {
            if (operation.OperandType is OperandType.InlineMethod or OperandType.InlineField or OperandType.InlineTok)
                yield return Resolve(method, token);
        }
    }

    private static MemberInfo Resolve(MethodBase method, int token)
    {
        Type[] typeArguments = method.DeclaringType is { IsGenericType: true } type ? type.GetGenericArguments() : [];
        MemberInfo member = method.Module.ResolveMember(token, typeArguments, method.IsGenericMethod ? method.GetGenericArguments() : [])!;
        return member is MethodInfo { IsGenericMethod: true } generic ? generic.GetGenericMethodDefinition() : member;
    }
}
