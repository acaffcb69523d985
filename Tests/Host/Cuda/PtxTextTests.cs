using System.Text.RegularExpressions;
using GpuTransformer.Host;
using GpuTransformer.Host.Cuda;
using ILGPU.IR.Transformations;

namespace GpuTransformer.Tests;

/// <summary>What the PTX of every kernel must and must not say, whatever ILGPU makes of its source.</summary>
[TestClass]
public sealed partial class PtxTextTests
{
    private static readonly Lazy<(DeviceKernel Kernel, string Text)[]> s_kernels = new(static () =>
    {
        using var compiler = new PtxCompiler("sm_80");
        return CompileAll(compiler);
    });

    [TestMethod]
    public void No_branch_with_a_condition_promises_that_all_threads_take_it()
        => AssertNone(static text => ConditionalUniform().Matches(text).Select(static m => m.Value));

    [TestMethod]
    public void No_arithmetic_may_be_fused_behind_the_back_of_the_source()
        => AssertNone(static text => Unrounded().Matches(text).Select(static m => m.Value));

    [TestMethod]
    public void No_address_that_is_in_shared_memory_already_is_taken_there_again() => AssertNone(static text =>
    {
        HashSet<string> shared = [.. SharedBase().Matches(text).Select(static m => m.Groups[1].Value)];
        foreach (Match move in Move().Matches(text).Where(m => shared.Contains(m.Groups[2].Value)))
            shared.Add(move.Groups[1].Value);
        return ToShared().Matches(text).Where(m => shared.Contains(m.Groups[1].Value)).Select(static m => m.Value);
    });

    [TestMethod]
    public void Memory_is_accessed_in_the_order_of_the_source_and_on_its_side_of_each_barrier()
    {
        using var unplaced = new PtxCompiler("sm_80", static backend => MemoryOrder.Place(backend, mode: null));
        string[] wrong = [.. from kernel in s_kernels.Value let difference = Difference(unplaced.Compile(kernel.Kernel), kernel.Text)
            where difference is not null select $"{kernel.Kernel.Name}: {difference}"];
        Assert.IsEmpty(wrong, string.Join("\n", wrong));
        Assert.IsGreaterThan(100, s_kernels.Value.Sum(static k => MemoryAccesses(k.Text).Count(static a => a.StartsWith("bar.", StringComparison.Ordinal))));
    }

    // As it does in the softmax, among others: the sum of a group's reduction was read behind the barrier that lets the next value overwrite it.
    [TestMethod]
    public void A_load_that_sinks_behind_the_barrier_of_its_block_would_be_found()
    {
        using PtxCompiler unplaced = new("sm_80", static backend => MemoryOrder.Place(backend, mode: null)), careless = new(
            "sm_80", static backend => MemoryOrder.Place(backend, CodePlacementMode.Aggressive));
        Assert.IsTrue(
            s_kernels.Value.Any(
                k => Difference(unplaced.Compile(k.Kernel), careless.Compile(k.Kernel)) is { } found
                    && found.Contains("is bar.sync, in the source ld.shared", StringComparison.Ordinal)),
            "ILGPU's own placement has learned to keep the order: see whether MemoryOrder is still needed.");
    }

    [TestMethod]
    [DataRow("\t@%p1 bra.uni\tL_2;", "\t@%p1 bra\tL_2;")]
    [DataRow("\t@!%p1 bra.uni L_2;", "\t@!%p1 bra L_2;")]
    [DataRow("\tbra.uni\tL_2;", "\tbra.uni\tL_2;")]
    [DataRow("\tbrx.idx.uni\t%r1, L_2;", "\tbrx.idx\t%r1, L_2;")]
    [DataRow("\tmul.f32\t%f1, %f2, %f3;", "\tmul.rn.f32\t%f1, %f2, %f3;")]
    [DataRow("\tadd.ftz.f32 %f1, %f2, %f3;", "\tadd.rn.ftz.f32 %f1, %f2, %f3;")]
    [DataRow("\t@%p3 sub.f64\t%fd1, %fd2, %fd3;", "\t@%p3 sub.rn.f64\t%fd1, %fd2, %fd3;")]
    [DataRow("\tmul.rn.f32\t%f1, %f2, %f3;", "\tmul.rn.f32\t%f1, %f2, %f3;")]
    [DataRow("\tadd.s32\t%r1, %r2, %r3;", "\tadd.s32\t%r1, %r2, %r3;")]
    [DataRow("\tmul.lo.s64\t%rd1, %rd2, %rd3;", "\tmul.lo.s64\t%rd1, %rd2, %rd3;")]
    public void A_line_is_mended_to(string generated, string mended) => Assert.AreEqual(mended, PtxText.Mend(generated));

    [TestMethod]
    [DataRow("MatrixMultiplyPortable<Float32>", 64)]
    [DataRow("FlashForwardPortable<Float32, OutputTile64>", 32)]
    [DataRow("FlashBackwardQueryPortable<Float32, OutputTile64>", 32)]
    [DataRow("FlashBackwardKeyValuePortable<Float32, OutputTile64>", 32)]
    public void Inner_loops_multiply_and_add_in_one_instruction(string name, int atLeast)
    {
        string text = s_kernels.Value.Single(k => k.Kernel.Name == name).Text;
        Assert.IsGreaterThanOrEqualTo(atLeast, text.Split("fma.rn.f32").Length - 1);
    }

    private static (DeviceKernel Kernel, string Text)[] CompileAll(PtxCompiler compiler)
        =>
        [
            .. from kernel in KernelCatalog.Operators.SelectMany(static o => o.Variants).SelectMany(static v => v.DeviceKernels)
                .DistinctBy(static k => k.Method)
               select (kernel, compiler.Compile(kernel)),
        ];

    private static void AssertNone(Func<string, IEnumerable<string>> find)
    {
        Assert.IsNotEmpty(s_kernels.Value);
        string[] found = [.. from kernel in s_kernels.Value let lines = find(kernel.Text).ToArray() where lines.Length > 0
            select $"{kernel.Kernel.Name}: {lines.Length}, first: {lines[0].Trim()}"];
        Assert.IsEmpty(found, string.Join("\n", found));
    }

    // The first place where the two do not access memory alike, or null.
    private static string? Difference(string source, string placed)
    {
        string[] expected = MemoryAccesses(source), actual = MemoryAccesses(placed);
        int first = Enumerable.Range(0, Math.Max(expected.Length, actual.Length)).FirstOrDefault(i => At(expected, i) != At(actual, i), -1);
        return first < 0 ? null : $"access {first} of {expected.Length} is {At(actual, first)}, in the source {At(expected, first)}";

        static string At(string[] accesses, int i) => i < accesses.Length ? accesses[i] : "nothing";
    }

    private static string[] MemoryAccesses(string text) => [.. Access().Matches(text).Select(static m => m.Groups[1].Value)];

    [GeneratedRegex(@"@!?%\w+\s+bra\.uni[^;]*|brx\.idx\.uni[^;]*")]
    private static partial Regex ConditionalUniform();

    [GeneratedRegex(@"\b(?:mul|add|sub|mad)(?:\.ftz|\.sat)*\.f(?:32|64)\b[^;]*")]
    private static partial Regex Unrounded();

    [GeneratedRegex(@"mov\.\w+\s+(%\w+),\s*__shared_alloca\w*")]
    private static partial Regex SharedBase();

    [GeneratedRegex(@"mov\.\w+\s+(%\w+),\s*(%\w+);")]
    private static partial Regex Move();

    [GeneratedRegex(@"cvta\.to\.shared\.\w+\s+%\w+,\s*(%\w+)")]
    private static partial Regex ToShared();

    // Whatever reads or writes memory, waits or exchanges registers; parameters are constants.
    [GeneratedRegex(@"^\s*(?:@!?%\w+\s+)?((?:ld\.(?!param)|st\.(?!param)|atom|red|bar|barrier|membar|fence|ldmatrix|mma|shfl|vote|cp\.async)[\w.]*)",
        RegexOptions.Multiline)]
    private static partial Regex Access();
}
