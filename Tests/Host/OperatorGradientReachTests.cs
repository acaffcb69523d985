using System.Reflection;
using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host;

/// <summary>No operator learns to go backwards without a finite-difference check: read from the compiled code, so that nobody has to keep a list.</summary>
[TestClass]
public sealed class OperatorGradientReachTests
{
    private static readonly Type[] s_checks =
    [
        typeof(OperatorGradientTests), typeof(AttentionGradientTests), typeof(AlgebraGradientTests), typeof(ShapeGradientTests), typeof(ReductionGradientTests),
        typeof(BatchedMatrixMultiplyTests), typeof(GatherTests), typeof(RankingTests),
    ];

    /// <summary>
    /// Operators of the catalogue that nothing recorded leads to: they change parameters, or answer yes or no or where, and are not differentiated.
    /// </summary>
    private static readonly string[] s_withoutGradient = ["SumOfSquares", "Interpolate", "AdamWUpdate", "SgdUpdate", "LionUpdate", "Compare", "CompareNumber",
        "ArgExtreme"];

    private static readonly MethodBase[] s_operators = [.. CallGraph.Methods(typeof(Operators)).Where(static m => m.IsPublic)];

    private static readonly MethodBase[] s_checked = [.. s_checks.SelectMany(CallGraph.Methods).SelectMany(Checked).Distinct()];

    [TestMethod]
    public void Every_operator_that_records_itself_is_checked_against_finite_differences()
    {
        MethodBase[] recording = [.. s_operators.Where(static m
            => Itself(m).Any(static member => member is MethodBase { Name: "Record" } method && method.DeclaringType == typeof(ComputeDevice)))];
        Assert.IsGreaterThan(20, recording.Length);
        string[] missing = [.. recording.Except(s_checked).Select(static m => m.Name)];
        Assert.IsEmpty(missing, $"No finite-difference check in {string.Join(" or ", s_checks.Select(static t => t.Name))}: {string.Join(", ", missing)}");
    }

    [TestMethod]
    public void Every_kernel_of_the_catalogue_is_reached_by_a_finite_difference_check_or_has_no_gradient()
    {
        HashSet<object?> reached = [.. s_checked.SelectMany(FromHost).OfType<FieldInfo>().Where(IsDefinition).Select(static f => f.GetValue(null))];
        string[] missing = [.. KernelCatalog.Operators.Where(o => !reached.Contains(o)).Select(static o => o.Name)];
        CollectionAssert.AreEquivalent(s_withoutGradient, missing, string.Join(", ", missing));
    }

    // Forward and, through the lambda that is recorded, backward.
    private static HashSet<MemberInfo> FromHost(MethodBase method) => CallGraph.Reachable(method, static m => m.Module == typeof(Operators).Module);

    // The same without what belongs to other operators and to reshaping, which record themselves.
    private static HashSet<MemberInfo> Itself(MethodBase method)
        => CallGraph.Reachable(method, static m => m.Module == typeof(Operators).Module && m.DeclaringType != typeof(Tensor) && !s_operators.Contains(m));

    private static bool IsDefinition(FieldInfo field) => field.IsStatic && typeof(OperatorDefinition).IsAssignableFrom(field.FieldType);

    // What a test calls in order to compare it: what it and its lambdas name, if they name the comparison too.
    private static IEnumerable<MethodBase> Checked(MethodBase test)
    {
        HashSet<MemberInfo> named = CallGraph.Reachable(
            test, static m => s_checks.Contains(m.DeclaringType) || s_checks.Contains(m.DeclaringType?.DeclaringType));
        return named.Any(static m => m.DeclaringType == typeof(GradientCheck) && m.Name == nameof(GradientCheck.Agrees))
            ? s_operators.Where(named.Contains)
            : [];
    }
}
