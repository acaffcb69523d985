using GpuTransformer.Generators;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace GpuTransformer.Tests.Tools;

/// <summary>The generator on declarations that are right and wrong.</summary>
[TestClass]
public sealed class OperatorGeneratorTests
{
    private const string Surroundings =
        """
        namespace GpuTransformer.Kernels
        {
            public interface IGridKernel { }
            public interface IElement<T> { }
            public struct ArrayView<T> { }
            public struct Flag : IElement<Flag> { }
            public struct TwicePortable<TElement> : IGridKernel
                where TElement : unmanaged, IElement<TElement>
            {
                public ArrayView<TElement> Input;
                public ArrayView<TElement> Output;
                public int Count;
            }
            public struct FromToPortable<TInput, TOutput> : IGridKernel
                where TInput : unmanaged, IElement<TInput>
                where TOutput : unmanaged, IElement<TOutput>
            {
                public ArrayView<TInput> Input;
                public ArrayView<TOutput> Output;
            }
        }
        namespace GpuTransformer.Host
        {
            public sealed class Tensor { }
        }
        """;

    [TestMethod]
    public void A_field_without_an_argument_is_an_error_that_names_both()
    {
        (Diagnostic[] diagnostics, _) = Run(
            """
            [Operator("Twice", "y = 2x"), Variant(typeof(TwicePortable<>), "")]
            internal readonly partial record struct TwiceArguments(Tensor Input, Tensor Output);
            """);
        Diagnostic only = diagnostics.Single();
        Assert.AreEqual("GPU0001", only.Id);
        Assert.AreEqual(DiagnosticSeverity.Error, only.Severity);
        Assert.Contains("TwicePortable has the field 'Count' of type int, but TwiceArguments has no member of that name", only.GetMessage());
    }

    [TestMethod]
    public void A_member_of_the_wrong_type_is_none()
        => Assert.AreEqual(
            "GPU0001",
            Run(
                """
                [Operator("Twice", "y = 2x"), Variant(typeof(TwicePortable<>), "")]
                internal readonly partial record struct TwiceArguments(Tensor Input, Tensor Output, string Count);
                """).Diagnostics.Single().Id);

    [TestMethod]
    public void A_declaration_becomes_definition_switch_and_parameters()
    {
        (Diagnostic[] diagnostics, string text) = Run(
            """
            [Operator("Twice", "y = 2x"), Variant(typeof(TwicePortable<>), "one per thread")]
            internal readonly partial record struct TwiceArguments(Tensor Input, Tensor? Output, bool Count);
            """);
        Assert.IsEmpty(diagnostics);
        foreach (string part in new[]
        {
            "Definition = new(\"Twice\", \"y = 2x\"", "new(\"Portable\", VariantKind.Portable, \"one per thread\", LaunchPortable)", "switch (a.Input.DType)",
            "LaunchPortable<global::GpuTransformer.Kernels.BFloat16>(device, a);", "Input = a.Input.View<TElement>()",
            "Output = a.Output?.View<TElement>() ?? default", "Count = a.Count ? 1 : 0", "global::GpuTransformer.Host.TwiceArguments.Definition",
        })
        {
            Assert.Contains(part, text);
        }
    }

    [TestMethod]
    public void Storage_types_are_alike_or_every_pair_or_flags()
    {
        (Diagnostic[] diagnostics, string text) = Run(
            """
            [Launches(typeof(FromToPortable<,>)), Launches(typeof(FromToPortable<,>), EveryPair = true), Launches(typeof(FromToPortable<,>), Flags = "TOutput")]
            internal readonly partial record struct FromToArguments(Tensor Input, Tensor Output);
            """);
        Assert.IsEmpty(diagnostics);
        Assert.Contains("LaunchFromToPortable<global::GpuTransformer.Kernels.Float16, global::GpuTransformer.Kernels.Float16>(device, a);", text);
        Assert.DoesNotContain("LaunchFromToPortable<global::GpuTransformer.Kernels.Float16, global::GpuTransformer.Kernels.Float32>", text);
        Assert.Contains("LaunchFromToPortablePairs<global::GpuTransformer.Kernels.Float16, global::GpuTransformer.Kernels.Float32>(device, a);", text);
        Assert.Contains("LaunchFromToPortableFlagOutput<global::GpuTransformer.Kernels.Float16>(device, a);", text);
        Assert.Contains("Output = a.Output.View<global::GpuTransformer.Kernels.Flag>()", text);
    }

    private static (Diagnostic[] Diagnostics, string Text) Run(string declaration)
    {
        string attributes = File.ReadAllText(RepositoryFiles.PathOf("Host", "Launching", "OperatorAttributes.cs"));
        string operators = $"using GpuTransformer.Kernels;\nnamespace GpuTransformer.Host;\n{declaration}";
        var compilation = CSharpCompilation.Create(
            "Declarations",
            [.. new[] { Surroundings, $"using System;\n{attributes}", operators }.Select(static text => CSharpSyntaxTree.ParseText(text))],
            [MetadataReference.CreateFromFile(typeof(object).Assembly.Location)],
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable));
        GeneratorDriverRunResult result = CSharpGeneratorDriver.Create(new OperatorGenerator()).RunGenerators(compilation).GetRunResult();
        Assert.IsNull(result.Results.Single().Exception);
        return ([.. result.Diagnostics], string.Join('\n', result.GeneratedTrees.Select(static tree => tree.ToString())));
    }
}
