using System.Reflection;
using System.Text;
using GpuTransformer.Host;
using GpuTransformer.Kernels;
using GpuTransformer.Validation;

namespace GpuTransformer.Tests;

/// <summary>Walks the catalogue: every variant of every operator against its float64 oracle on every device, with nothing to add per operator.</summary>
[TestClass]
public sealed class CatalogTests
{
    private const int Seed = 1;

    /// <summary>Each operator's cases, made once: a case computes its oracle once, whatever the number of variants and devices.</summary>
    private static readonly Dictionary<string, ValidationCase[]> s_cases = [];

    private static readonly HashSet<MethodInfo> s_listed =
        [.. KernelCatalog.Operators.SelectMany(static o => o.Variants).SelectMany(static v => v.DeviceKernels).Select(static k => k.Method)];

    public static IEnumerable<object[]> Rows()
        => from id in TestDevices.Ids.Append(TestDevices.Simulator)
           from definition in KernelCatalog.Operators
           from variant in definition.Variants
           where variant.RunsOn(TestDevices.KindOf(id))
           select new object[] { id, definition.Name, variant.Name };

    public static IEnumerable<object[]> OperatorNames() => KernelCatalog.Operators.Select(static o => new object[] { o.Name });

    public static string DisplayName(MethodInfo method, object[] row) => $"{method.Name} ({string.Join(", ", row)})";

    [TestMethod]
    [DynamicData(nameof(Rows), DynamicDataDisplayName = nameof(DisplayName))]
    public void Every_case_agrees_with_its_oracle(string id, string operatorName, string variantName)
    {
        ComputeDevice device = TestDevices.Get(id);
        OperatorDefinition definition = Find(operatorName);
        KernelVariant variant = definition.Variants.Single(v => v.Name == variantName);
        ValidationSize largest = id == TestDevices.Simulator ? ValidationSize.Tiny : ValidationSize.Quick;
        var failures = new StringBuilder();
        int taken = 0;
        foreach (ValidationCase validation in Cases(definition).Where(c => c.Size <= largest))
        {
            if (validation.Run(device, variant) is not { } comparisons)
                continue;
            taken++;
            Assert.AreNotEqual(0, comparisons.Count, $"{validation.Name} compares nothing.");
            foreach (Comparison comparison in comparisons.Where(static c => !c.Passed))
                failures.AppendLine($"  {validation.Name}: {comparison.Output} is off by {comparison.Error:g3}, more than {comparison.Limit:g3}");
        }

        Assert.AreEqual(string.Empty, failures.ToString(), $"{operatorName} {variantName} on {device}:\n{failures}");
        Assert.AreNotEqual(0, taken, $"{operatorName} {variantName} took no case of size {largest} or below on {device}: nothing was checked.");
        AssertListed(device);
    }

    [TestMethod]
    [DynamicData(nameof(OperatorNames))]
    public void Every_operator_runs_on_GPUs_and_on_processors(string operatorName)
    {
        OperatorDefinition definition = Find(operatorName);
        Assert.IsTrue(definition.Variants.Any(static v => v.Kind == VariantKind.Portable), "There is no Portable variant: neither CUDA nor OpenCL can run it.");
        Assert.IsTrue(
            definition.Variants.Any(static v => v.Kind == VariantKind.Vectorized), "There is no Vectorized variant: a machine without a GPU cannot run it.");
        foreach (KernelVariant variant in definition.Variants)
            Assert.AreEqual(
                variant.Kind == VariantKind.Vectorized,
                variant.DeviceKernels.Count == 0,
                $"{variant.Name}: a GPU variant, and no other, lists the kernels to assemble.");
    }

    [TestMethod]
    [DynamicData(nameof(OperatorNames))]
    public void Names_tell_variants_and_cases_apart(string operatorName)
    {
        OperatorDefinition definition = Find(operatorName);
        AssertUnique(definition.Variants.Select(static v => v.Name));
        AssertUnique(Cases(definition).Select(static c => c.Name));
        foreach (string text in definition.Variants.Select(static v => v.Summary).Append(definition.Formula))
            Assert.IsFalse(string.IsNullOrWhiteSpace(text));
    }

    [TestMethod]
    [DynamicData(nameof(OperatorNames))]
    public void A_seed_decides_the_cases(string operatorName)
    {
        OperatorDefinition definition = Find(operatorName);
        ComputeDevice device = TestDevices.Get("cpu");
        string[] first = Results(definition, device, Seed), again = Results(definition, device, Seed), other = Results(definition, device, Seed + 1);
        CollectionAssert.AreEqual(first, again, "The same seed gave other numbers.");

        // The derivative of a sign is zero for all numbers.
        bool isZero = definition.Cases(Seed).SelectMany(static validation => validation.Expected).All(
            static expected => Array.TrueForAll(expected.Exact, static x => x == 0));
        Assert.IsTrue(isZero || !first.SequenceEqual(other), "Another seed gave the same numbers: the seed is not used.");
    }

    [TestMethod]
    public void Operator_names_are_unique()
    {
        Assert.AreNotEqual(0, KernelCatalog.Operators.Count);
        AssertUnique(KernelCatalog.Operators.Select(static o => o.Name));
    }

    /// <summary>A kernel that was launched and is in no list would be assembled by no check.</summary>
    private static void AssertListed(ComputeDevice device)
    {
        string[] missing =
        [
            .. device.LoadedKernels.Where(
                static kernel => kernel.Module == typeof(Float32).Module && !s_listed.Contains(kernel)).Select(static kernel
                    => kernel.DeclaringType!.ToString()),
        ];
        Assert.IsEmpty(missing, string.Join("\n", missing));
    }

    private static OperatorDefinition Find(string name) => KernelCatalog.Operators.Single(o => o.Name == name);

    private static ValidationCase[] Cases(OperatorDefinition definition)
    {
        if (!s_cases.TryGetValue(definition.Name, out ValidationCase[]? cases))
            s_cases.Add(definition.Name, cases = [.. definition.Cases(Seed)]);
        return cases;
    }

    /// <summary>The errors of the tiny cases in full precision: two sweeps of the same numbers have the same.</summary>
    private static string[] Results(OperatorDefinition definition, ComputeDevice device, int seed)
    {
        KernelVariant variant = definition.Variants.First(static v => v.Kind == VariantKind.Vectorized);
        return
        [
            .. from validation in definition.Cases(seed)
               where validation.Size == ValidationSize.Tiny
               from comparison in validation.Run(device, variant) ?? []
               let exact = validation.Expected.First(expected => expected.Output == comparison.Output).Exact
               select $"{validation.Name} {comparison.Output} {comparison.Error:r} {comparison.Limit:r} {string.Join(' ', exact.Take(50))}",
        ];
    }

    private static void AssertUnique(IEnumerable<string> names)
    {
        foreach (IGrouping<string, string> group in names.GroupBy(static n => n, StringComparer.Ordinal))
            Assert.AreEqual(1, group.Count(), $"'{group.Key}' names {group.Count()} things.");
    }
}
