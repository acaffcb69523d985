using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Text;
using Microsoft.CodeAnalysis;

namespace GpuTransformer.Generators;

/// <summary>Writes the other half of one operator's arguments.</summary>
internal sealed class OperatorWriter
{
    private const string Indent = "    ";

    private readonly INamedTypeSymbol _arguments;
    private readonly List<Diagnostic> _diagnostics = [];
    private readonly KernelBinding _binding;
    private readonly StringBuilder _text = new();

    public OperatorWriter(INamedTypeSymbol arguments)
    {
        _arguments = arguments;
        _binding = new KernelBinding(arguments, _diagnostics);
    }

    // Of a family of operators: what stands for the function that makes one of them.
    private ITypeParameterSymbol? Function => _arguments.TypeParameters.FirstOrDefault();

    // With its type parameters, as it is written.
    private string ArgumentsType => _arguments.ToDisplayString(SymbolDisplayFormat.MinimallyQualifiedFormat);

    public GeneratedOperator Write()
    {
        AttributeData? declaration = Attributes("OperatorAttribute").SingleOrDefault();
        (INamedTypeSymbol Kernel, string Summary)[] variants =
            [.. Attributes(Names.VariantAttribute).Select(static a
                => (((INamedTypeSymbol)a.ConstructorArguments[0].Value!).OriginalDefinition, (string)a.ConstructorArguments[1].Value!))];
        _text.Append("#nullable enable\n\nnamespace ").Append(_arguments.ContainingNamespace.ToDisplayString()).Append(";\n\n");
        _text.Append("internal readonly unsafe partial record struct ").Append(ArgumentsType).Append("\n{\n");
        string definition = declaration is null ? string.Empty : WriteDefinition(declaration, variants);
        foreach ((INamedTypeSymbol kernel, _) in variants)
        {
            if (!IsByHand(kernel))
                WriteLaunch(kernel, VariantName(kernel));
        }

        foreach (AttributeData launched in Attributes("LaunchesAttribute"))
        {
            INamedTypeSymbol kernel = ((INamedTypeSymbol)launched.ConstructorArguments[0].Value!).OriginalDefinition;
            bool everyPair = launched.NamedArguments.Any(static a => a.Key == Names.EveryPair && a.Value.Value is true);
            string flags = launched.NamedArguments.FirstOrDefault(static a => a.Key == Names.Flags).Value.Value as string ?? string.Empty;
            WriteLaunch(
                flags.Length == 0 ? kernel : WithFlags(kernel, flags),
                $"{kernel.Name}{(everyPair ? "Pairs" : flags.Length == 0 ? string.Empty : $"Flag{flags.Substring(1)}")}", everyPair);
        }

        _text.Append("}\n");
        string? functions = Function is null || declaration is null ? null : Functions(Function);
        return new GeneratedOperator($"{_arguments.Name}.g.cs", _text.ToString(), definition, functions, [.. _diagnostics]);
    }

    // The kernel with flags for one of its storage types.
    private static INamedTypeSymbol WithFlags(INamedTypeSymbol kernel, string parameter)
    {
        INamedTypeSymbol flag = kernel.ContainingAssembly.GetTypeByMetadataName(Names.FlagType)!;
        return kernel.Construct([.. kernel.TypeParameters.Select(p => p.Name == parameter ? (ITypeSymbol)flag : p)]);
    }

    private static bool IsVectorized(INamedTypeSymbol kernel) => kernel.AllInterfaces.Any(static i => i.Name == "IBlockKernel");

    private static string VariantName(INamedTypeSymbol kernel) => IsVectorized(kernel) ? "Vectorized" : "Portable";

    private static string Literal(string text) => Microsoft.CodeAnalysis.CSharp.SymbolDisplay.FormatLiteral(text, quote: true);

    private static bool IsElement(ITypeParameterSymbol parameter) => parameter.ConstraintTypes.Any(static c => c.Name == Names.Element);

    private IEnumerable<AttributeData> Attributes(string name) => _arguments.GetAttributes().Where(a => a.AttributeClass?.Name == name);

    private bool IsByHand(INamedTypeSymbol kernel) => _binding.Member($"Launch{VariantName(kernel)}") is not null;

    private string WriteDefinition(AttributeData declaration, (INamedTypeSymbol Kernel, string Summary)[] variants)
    {
        string type = $"OperatorDefinition<{ArgumentsType}>";
        var list = new StringBuilder();
        foreach ((INamedTypeSymbol kernel, string summary) in variants)
        {
            string name = VariantName(kernel);
            list.Append(Indent).Append(Indent).Append("new(\"").Append(name).Append("\", VariantKind.").Append(name).Append(", ").Append(Literal(summary))
                .Append(", Launch").Append(name).Append("),\n");
        }

        string Named(string property)
            => declaration.NamedArguments.FirstOrDefault(a => a.Key == property).Value.Value is string { Length: > 0 } text ? Literal(text) : string.Empty;
        string operatorName, formula;
        if (Function is { } function)
        {
            operatorName = Sum($"{function.Name}.Name", Named("Suffix"));
            formula = Sum(Named("Derivation"), $"{function.Name}.Formula");
        }
        else
        {
            operatorName = Literal((string)declaration.ConstructorArguments[0].Value!);
            formula = Literal((string)declaration.ConstructorArguments[1].Value!);
        }

        _text.Append(
            $"    /// <summary>The operator in the catalogue.</summary>\n    public static readonly {type} Definition = new({operatorName}, {formula},\n   "
            + $" [\n{list}    ]);\n");
        string arguments = _arguments.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat);
        return $"{(Function is null ? arguments : arguments.Replace($"<{Function.Name}>", "<{0}>"))}.Definition";
    }

    private static string Sum(string left, string right) => left.Length == 0 ? right : right.Length == 0 ? left : $"{left} + {right}";

    // The interface that says what a function is.
    private static string Functions(ITypeParameterSymbol function)
        => function.ConstraintTypes.OfType<INamedTypeSymbol>().First(static c => c.IsGenericType).OriginalDefinition.ToDisplayString(
            SymbolDisplayFormat.FullyQualifiedFormat);

    private void WriteLaunch(INamedTypeSymbol kernel, string name, bool everyPair = false)
    {
        ITypeParameterSymbol[] elements = [.. kernel.TypeArguments.OfType<ITypeParameterSymbol>().Where(IsElement)];
        if (elements.Length > 0)
            WriteSwitch(kernel, name, elements, everyPair);
        string accessibility = elements.Length == 0 ? "internal" : "private", passing = elements.Length == 0 ? string.Empty : "in ";
        _text.Append(
            $"\n    {accessibility} static void Launch{name}{TypeParameters(elements)}(ComputeDevice device, {passing}{ArgumentsType} "
            + $"a){Constraints(elements)}\n    {{\n");
        string type = kernel.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat);
        _text.Append($"        var kernel = {_binding.Initialiser(kernel, Indent + Indent)};\n");
        string count = IsVectorized(kernel)
            ? Names.Blocks
            : Names.Groups, launched = $"{(kernel.GetMembers(count).Any(static m => m.IsStatic) ? type : "kernel")}.{count}";
        _text.Append(
            IsVectorized(kernel) ? $"        device.Launch({launched}, kernel);\n"
                : $"        device.Launch({type}.Kernel, {launched}, {type}.GroupSize, kernel);\n");
        _text.Append("    }\n");
    }

    // From the data types, known at run time, to the kernel's type arguments: one for all of them, or each for itself.
    private void WriteSwitch(INamedTypeSymbol kernel, string name, ITypeParameterSymbol[] elements, bool everyPair)
    {
        _text.Append($"\n    internal static void Launch{name}(ComputeDevice device, {ArgumentsType} a)\n    {{\n");
        Cases(Indent + Indent, [], everyPair ? elements.Length : 1);
        _text.Append("    }\n");

        void Cases(string indent, string[] chosen, int choices)
        {
            string tensor = _binding.StorageTensor(kernel, elements[chosen.Length].Name) ?? "Missing";
            string tensorOf = _binding.IsOptional(tensor) ? $"a.{tensor}!" : $"a.{tensor}";
            _text.Append($"{indent}switch ({tensorOf}.DType)\n{indent}{{\n");
            foreach (string storage in new[] { "Float32", "Float16", "BFloat16" })
            {
                _text.Append($"{indent}    case DType.{storage}:\n");
                string[] types = [.. chosen, $"global::GpuTransformer.Kernels.{storage}"];
                if (types.Length < choices)
                    Cases(indent + Indent + Indent, types, choices);
                else
                    _text.Append($"{indent}        "
                        + $"Launch{name}<{string.Join(", ", elements.Select((_, i) => types[System.Math.Min(i, types.Length - 1)]))}>(device, a);\n");
                _text.Append($"{indent}        break;\n");
            }

            _text.Append(
                $"{indent}    default:\n{indent}        throw new System.ArgumentException($\"Kernels compute with real numbers only, not with "
                + $"{{{tensorOf}.DType}}.\");\n{indent}}}\n");
        }
    }

    private static string TypeParameters(ITypeParameterSymbol[] parameters)
        => parameters.Length == 0 ? string.Empty : $"<{string.Join(", ", parameters.Select(static p => p.Name))}>";

    private static string Constraints(ITypeParameterSymbol[] parameters)
        => string.Concat(parameters.Select(static p => $"\n        where {p.Name} : {string.Join(", ", Parts(p))}"));

    private static IEnumerable<string> Parts(ITypeParameterSymbol parameter)
    {
        if (parameter.HasUnmanagedTypeConstraint)
            yield return "unmanaged";
        else if (parameter.HasValueTypeConstraint)
            yield return "struct";
        foreach (ITypeSymbol type in parameter.ConstraintTypes)
            yield return type.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat);
    }
}
