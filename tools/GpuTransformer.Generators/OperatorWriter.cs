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

    // With its type parameters, as it is written.
    private string ArgumentsType => _arguments.ToDisplayString(SymbolDisplayFormat.MinimallyQualifiedFormat);

    public GeneratedOperator Write()
    {
        AttributeData declaration = Attributes("OperatorAttribute").Single();
        (INamedTypeSymbol Kernel, string Summary, bool EveryPair)[] variants =
            [.. Attributes(Names.VariantAttribute).Select(static a => (((INamedTypeSymbol)a.ConstructorArguments[0].Value!).OriginalDefinition, (string)a.ConstructorArguments[1].Value!, Flag(a, "EveryPair")))];
        _text.Append("#nullable enable\n\nnamespace ").Append(_arguments.ContainingNamespace.ToDisplayString()).Append(";\n\n");
        _text.Append("internal readonly unsafe partial record struct ").Append(ArgumentsType).Append("\n{\n");
        string definition = WriteDefinition(declaration, variants);
        foreach ((INamedTypeSymbol kernel, _, bool everyPair) in variants)
        {
            if (!IsByHand(kernel))
                WriteLaunch(kernel, everyPair);
        }

        foreach (INamedTypeSymbol kernel in Attributes(Names.BindsAttribute).Select(static a => ((INamedTypeSymbol)a.ConstructorArguments[0].Value!).OriginalDefinition))
            WriteBind(kernel);
        _text.Append("}\n");
        return new GeneratedOperator($"{_arguments.Name}.g.cs", _text.ToString(), definition, [.. _diagnostics]);
    }

    private static bool Flag(AttributeData attribute, string name) => attribute.NamedArguments.Any(n => n.Key == name && n.Value.Value is true);

    private static bool IsVectorized(INamedTypeSymbol kernel) => kernel.AllInterfaces.Any(static i => i.Name == "IBlockKernel");

    private static string VariantName(INamedTypeSymbol kernel) => IsVectorized(kernel) ? "Vectorized" : "Portable";

    private static string Literal(string text) => Microsoft.CodeAnalysis.CSharp.SymbolDisplay.FormatLiteral(text, quote: true);

    private static bool IsElement(ITypeParameterSymbol parameter) => parameter.ConstraintTypes.Any(static c => c.Name == Names.Element);

    private IEnumerable<AttributeData> Attributes(string name) => _arguments.GetAttributes().Where(a => a.AttributeClass?.Name == name);

    private bool IsByHand(INamedTypeSymbol kernel) => _binding.Member($"Launch{VariantName(kernel)}") is not null;

    private string WriteDefinition(AttributeData declaration, (INamedTypeSymbol Kernel, string Summary, bool EveryPair)[] variants)
    {
        string type = $"OperatorDefinition<{ArgumentsType}>";
        var list = new StringBuilder();
        foreach ((INamedTypeSymbol kernel, string summary, _) in variants)
        {
            string name = VariantName(kernel);
            list.Append(Indent).Append(Indent).Append("new(\"").Append(name).Append("\", VariantKind.").Append(name).Append(", ").Append(Literal(summary)).Append(", Launch").Append(name).Append("),\n");
        }

        if (declaration.ConstructorArguments.Length == 0)
        {
            _text.Append($"    /// <summary>A specialisation in the catalogue.</summary>\n    public static {type} Define(string name, string formula) => new(name, formula,\n    [\n{list}    ]);\n");
            return string.Empty;
        }

        string name2 = (string)declaration.ConstructorArguments[0].Value!, formula = (string)declaration.ConstructorArguments[1].Value!;
        _text.Append($"    /// <summary>The operator in the catalogue.</summary>\n    public static readonly {type} Definition = new({Literal(name2)}, {Literal(formula)},\n    [\n{list}    ]);\n");
        return $"{_arguments.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat)}.Definition";
    }

    private void WriteLaunch(INamedTypeSymbol kernel, bool everyPair)
    {
        string name = VariantName(kernel);
        ITypeParameterSymbol[] elements = [.. kernel.TypeParameters.Where(IsElement)];
        ITypeParameterSymbol[] chosen = everyPair ? elements : [.. elements.Take(1)];
        WriteSwitches(kernel, name, chosen);
        _text.Append($"\n    private static void Launch{name}{TypeParameters(chosen)}(ComputeDevice device, in {ArgumentsType} a){Constraints(chosen)}\n    {{\n");
        INamedTypeSymbol closed = Close(kernel, elements, everyPair);
        string closedName = closed.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat);
        string block = _binding.Initialiser(closed, Indent + Indent);
        _text.Append($"        var kernel = {block};\n");
        string count = IsVectorized(kernel) ? Names.Blocks : Names.Groups, launched = $"{(kernel.GetMembers(count).Any(static m => m.IsStatic) ? closedName : "kernel")}.{count}";
        _text.Append(IsVectorized(kernel) ? $"        device.Launch({launched}, kernel);\n" : $"        device.Launch({closedName}.Kernel, {launched}, {closedName}.GroupSize, kernel);\n");
        foreach (string next in Attributes(Names.ThenAttribute).Select(static a => (string)a.ConstructorArguments[0].Value!))
            WriteNext(name, next);
        _text.Append("    }\n");
    }

    // Work of another operator that belongs to this one.
    private void WriteNext(string variant, string member)
    {
        var property = (IPropertySymbol)_binding.Member(member)!;
        bool optional = property.Type is INamedTypeSymbol { OriginalDefinition.SpecialType: SpecialType.System_Nullable_T };
        ITypeSymbol other = optional ? ((INamedTypeSymbol)property.Type).TypeArguments[0] : property.Type;
        string call = $"{other.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat)}.Launch{variant}(device, ";
        _text.Append(optional ? $"        if (a.{member} is {{ }} next{member})\n            {call}next{member});\n" : $"        {call}a.{member});\n");
    }

    // From the data types, known at run time, to the type arguments: one level for each.
    private void WriteSwitches(INamedTypeSymbol kernel, string name, ITypeParameterSymbol[] chosen)
    {
        for (int level = 0; level < chosen.Length; level++)
        {
            string tensor = _binding.StorageTensor(kernel, chosen[level].Name) ?? "Missing";
            ITypeParameterSymbol[] known = [.. chosen.Take(level)];
            string accessibility = level == 0 ? "internal" : "private", passing = level == 0 ? string.Empty : "in ";
            _text.Append($"\n    {accessibility} static void Launch{name}{TypeParameters(known)}(ComputeDevice device, {passing}{ArgumentsType} a){Constraints(known)}\n    {{\n        switch (a.{tensor}.DType)\n        {{\n");
            foreach (string storage in new[] { "Float32", "Float16", "BFloat16" })
                _text.Append($"            case DType.{storage}:\n                Launch{name}<{string.Concat(known.Select(static k => k.Name + ", "))}global::GpuTransformer.Kernels.{storage}>(device, a);\n                break;\n");
            _text.Append($"            default:\n                throw new System.ArgumentException($\"Kernels compute with real numbers only, not with {{a.{tensor}.DType}}.\");\n        }}\n    }}\n");
        }

        if (chosen.Length == 0)
            _text.Append($"\n    internal static void Launch{name}(ComputeDevice device, {ArgumentsType} a) => Launch{name}(device, in a);\n");
    }

    private void WriteBind(INamedTypeSymbol block)
    {
        ITypeParameterSymbol[] own = [.. block.TypeParameters.Where(p => !_arguments.TypeParameters.Any(q => q.Name == p.Name))];
        INamedTypeSymbol closed = Close(block, [], everyPair: true);
        string type = closed.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat);
        _text.Append($"\n    /// <summary>The parameter block of {block.Name}.</summary>\n    internal static {type} Bind{block.Name}{TypeParameters(own)}(ComputeDevice device, in {ArgumentsType} a){Constraints(own)}\n        => {_binding.Initialiser(closed, Indent + Indent)};\n");
    }

    // Type parameters that the arguments have stand for those of their name; one storage type stands for all, unless every pair is wanted.
    private INamedTypeSymbol Close(INamedTypeSymbol kernel, ITypeParameterSymbol[] elements, bool everyPair)
    {
        if (kernel.TypeParameters.Length == 0)
            return kernel;
        ITypeSymbol[] types =
        [
            .. kernel.TypeParameters.Select(p => _arguments.TypeParameters.FirstOrDefault(q => q.Name == p.Name) ?? (everyPair || !IsElement(p) ? p : elements[0])),
        ];
        return kernel.Construct(types);
    }

    private static string TypeParameters(ITypeParameterSymbol[] parameters) => parameters.Length == 0 ? string.Empty : $"<{string.Join(", ", parameters.Select(static p => p.Name))}>";

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
