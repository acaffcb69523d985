using System.Collections.Immutable;
using System.Linq;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;

namespace GpuTransformer.Generators;

/// <summary>
/// Writes what follows from an operator's declaration, the record struct of its arguments with an <c>[Operator]</c> and a <c>[Variant]</c> for each kernel: the
/// definition, the launches with their switch over storage types, and the kernels' parameter blocks, field by field from the arguments of the same name. And
/// the catalogue: every definition of the assembly.
/// </summary>
[Generator]
public sealed class OperatorGenerator : IIncrementalGenerator
{
    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        IncrementalValuesProvider<GeneratedOperator> operators = context.SyntaxProvider.ForAttributeWithMetadataName(
            Names.OperatorAttribute,
            static (node, _) => node is TypeDeclarationSyntax,
            static (found, _) => new OperatorWriter((INamedTypeSymbol)found.TargetSymbol).Write());
        context.RegisterSourceOutput(operators, Add);

        // Arguments of operators whose definition is written by hand.
        context.RegisterSourceOutput(
            context.SyntaxProvider.ForAttributeWithMetadataName(
                Names.LaunchesAttribute,
                static (node, _) => node is TypeDeclarationSyntax,
                static (found, _) => (INamedTypeSymbol)found.TargetSymbol)
                .Where(static type => !type.GetAttributes().Any(static a => a.AttributeClass?.ToDisplayString() == Names.OperatorAttribute))
                .Select(static (type, _) => new OperatorWriter(type).Write()),
            Add);

        // Definitions that are fields belong to operators that are launched by hand.
        IncrementalValuesProvider<string> fields = context.SyntaxProvider.CreateSyntaxProvider(
            static (node, _)
                => node is FieldDeclarationSyntax { Declaration: { Variables: { Count: 1 } variables } } && variables[0].Identifier.Text == Names.Definition,
            static (found, cancellation)
                => Qualified(found.SemanticModel.GetDeclaredSymbol(((FieldDeclarationSyntax)found.Node).Declaration.Variables[0], cancellation)!));
        // Structures and the generic interfaces that they implement: a family of operators has one for each of its functions.
        IncrementalValuesProvider<(string Type, string Interface)> functions = context.SyntaxProvider.CreateSyntaxProvider(
            static (node, _) => node is StructDeclarationSyntax { BaseList: not null, TypeParameterList: null },
            static (found, cancellation)
                => Implemented((INamedTypeSymbol)found.SemanticModel.GetDeclaredSymbol((StructDeclarationSyntax)found.Node, cancellation)!))
            .SelectMany(static (implemented, _) => implemented);
        IncrementalValuesProvider<(string Definition, string? Functions)> generatedDefinitions = operators.Select(static (o, _) => (o.Definition, o.Functions));
        context.RegisterSourceOutput(
            generatedDefinitions.Collect().Combine(fields.Collect()).Combine(functions.Collect()),
            static (output, found) =>
            {
                ImmutableArray<string> all = found.Left.Left.SelectMany(
                    o => Members(o.Definition, o.Functions, found.Right)).Concat(found.Left.Right).ToImmutableArray();
                if (all.Length > 0)
                    output.AddSource("KernelCatalog.g.cs", SourceText.From(Catalogue(all), Encoding.UTF8));
            });
    }

    private static void Add(SourceProductionContext output, GeneratedOperator generated)
    {
        foreach (Diagnostic diagnostic in generated.Diagnostics)
            output.ReportDiagnostic(diagnostic);
        output.AddSource(generated.FileName, SourceText.From(generated.Text, Encoding.UTF8));
    }

    private static System.Collections.Generic.IEnumerable<string> Members(
        string definition, string? functions, ImmutableArray<(string Type, string Interface)> implemented)
        => functions is null
            ? [definition]
            : implemented.Where(i => i.Interface == functions).Select(
                i => string.Format(System.Globalization.CultureInfo.InvariantCulture, definition, i.Type));

    private static ImmutableArray<(string Type, string Interface)> Implemented(INamedTypeSymbol type) =>
    [
        .. type.AllInterfaces.Where(static i => i.IsGenericType).Select(i => (
            type.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat), i.OriginalDefinition.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat))),
    ];

    private static string Qualified(ISymbol field) => $"{field.ContainingType.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat)}.{field.Name}";

    private static string Catalogue(ImmutableArray<string> definitions)
    {
        var text = new StringBuilder();
        text.Append(
            "namespace GpuTransformer.Host;\n\ninternal static partial class KernelCatalog\n{\n    private static OperatorDefinition[] Declared() =>\n    [\n");
        foreach (string definition in definitions.OrderBy(static d => d, System.StringComparer.Ordinal))
            text.Append("        ").Append(definition).Append(",\n");
        return text.Append("    ];\n}\n").ToString();
    }
}
