using System.Collections.Generic;
using System.Linq;
using System.Text;
using Microsoft.CodeAnalysis;

namespace GpuTransformer.Generators;

/// <summary>Writes the object initialiser of a kernel's parameter block: each field from the argument of its name.</summary>
internal sealed class KernelBinding(INamedTypeSymbol arguments, List<Diagnostic> diagnostics)
{
    private static readonly DiagnosticDescriptor s_missing = new(
        "GPU0001",
        "A kernel's field has no argument",
        "{0} has the field '{1}' of type {2}, but {3} has no member of that name that gives one; add it, or launch the kernel by hand",
        "Operators",
        DiagnosticSeverity.Error,
        isEnabledByDefault: true);

    /// <summary>The initialiser of <paramref name="block"/>, its lines indented by <paramref name="indent"/>.</summary>
    public string Initialiser(INamedTypeSymbol block, string indent)
    {
        var text = new StringBuilder();
        text.Append("new ").Append(Display(block)).Append('\n').Append(indent).Append("{\n");
        foreach ((string name, ITypeSymbol type) in Fields(block))
            text.Append(indent).Append("    ").Append(name).Append(" = ").Append(Value(block, name, type, indent + "    ")).Append(",\n");
        return text.Append(indent).Append('}').ToString();
    }

    /// <summary>The first buffer of the element type of that name, whose tensor tells what is stored.</summary>
    public string? StorageTensor(INamedTypeSymbol block, string elementName)
    {
        foreach ((string name, ITypeSymbol type) in Fields(block))
        {
            if (Buffer(type) is { } element && element.Name == elementName && Member(name) is not null)
                return name;
            if (Buffer(type) is null && Member(name) is null && type is INamedTypeSymbol nested && IsBlock(nested)
                && StorageTensor(nested, elementName) is { } inner)
                return inner;
        }

        return null;
    }

    /// <summary>The member of the arguments that is called so: a property, or a method of the device.</summary>
    public ISymbol? Member(string name)
        => arguments.GetMembers(name).FirstOrDefault(
            static m => m is IPropertySymbol { IsIndexer: false } or IMethodSymbol { MethodKind: MethodKind.Ordinary });

    /// <summary>Whether the argument of that name may be left out.</summary>
    public bool IsOptional(string name) => Member(name) is IPropertySymbol { Type.NullableAnnotation: NullableAnnotation.Annotated };

    private static IEnumerable<(string Name, ITypeSymbol Type)> Fields(INamedTypeSymbol block)
        => block.GetMembers().OfType<IFieldSymbol>().Where(
            static f => f is { IsStatic: false, IsConst: false, DeclaredAccessibility: Accessibility.Public }).Select(static f => (f.Name, f.Type));

    private static ITypeSymbol? Buffer(ITypeSymbol type) => type switch
    {
        IPointerTypeSymbol pointer => pointer.PointedAtType,
        INamedTypeSymbol { Name: Names.ArrayView, TypeArguments: { Length: 1 } element } => element[0],
        _ => null,
    };

    // A part of a parameter block that is filled in the same way.
    private static bool IsBlock(INamedTypeSymbol type)
        => type is { TypeKind: TypeKind.Struct, SpecialType: SpecialType.None, EnumUnderlyingType: null } && Fields(type).Any();

    private static string Display(ITypeSymbol type) => type.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat);

    private string Value(INamedTypeSymbol block, string name, ITypeSymbol type, string indent)
    {
        if (arguments.GetMembers(name).Any(static m => m is IFieldSymbol { IsConst: true }))
            return name;
        if (Member(name) is IMethodSymbol)
            return $"a.{name}(device)";
        if (Member(name) is IPropertySymbol property)
            return Convert(block, property, type);
        if (Buffer(type) is null && type is INamedTypeSymbol nested && IsBlock(nested))
            return Initialiser(nested, indent);
        return Missing(block, name, type);
    }

    private string Convert(INamedTypeSymbol block, IPropertySymbol property, ITypeSymbol type)
    {
        string name = property.Name;
        bool optional = property.Type.NullableAnnotation == NullableAnnotation.Annotated;
        if (property.Type.Name == Names.Tensor && Buffer(type) is { } element)
        {
            if (type is IPointerTypeSymbol)
                return optional ? $"a.{name} is null ? null : a.{name}.Pointer<{Display(element)}>()" : $"a.{name}.Pointer<{Display(element)}>()";
            return optional ? $"a.{name}?.View<{Display(element)}>() ?? default" : $"a.{name}.View<{Display(element)}>()";
        }

        if (SymbolEqualityComparer.Default.Equals(property.Type, type) || type is ITypeParameterSymbol)
            return $"a.{name}";
        if (type.SpecialType == SpecialType.System_Int32 && property.Type.SpecialType == SpecialType.System_Boolean)
            return $"a.{name} ? 1 : 0";
        if (type.SpecialType == SpecialType.System_Int32 && property.Type.TypeKind == TypeKind.Enum)
            return $"(int)a.{name}";

        // A type of the host that knows what it looks like in a kernel: GainRows.
        if (type is INamedTypeSymbol { TypeArguments.Length: 1 } view
            && property.Type.GetMembers().OfType<IMethodSymbol>().FirstOrDefault(m => m.TypeParameters.Length == 1
            && m.ReturnType.Name == type.Name) is { } method)
            return $"a.{name}.{method.Name}<{Display(view.TypeArguments[0])}>()";
        return Missing(block, name, type);
    }

    private string Missing(INamedTypeSymbol block, string name, ITypeSymbol type)
    {
        diagnostics.Add(
            Diagnostic.Create(s_missing, arguments.Locations.FirstOrDefault(), block.Name, name,
                type.ToDisplayString(SymbolDisplayFormat.MinimallyQualifiedFormat), arguments.Name));
        return "default";
    }
}
