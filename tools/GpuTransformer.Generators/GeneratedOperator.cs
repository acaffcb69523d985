using System.Collections.Immutable;
using System.Linq;
using Microsoft.CodeAnalysis;

namespace GpuTransformer.Generators;

/// <summary>What was written for one operator. Equal where the text is, so that the compiler does not do again what has not changed.</summary>
internal sealed class GeneratedOperator(
    string fileName, string text, string definition, string? functions, ImmutableArray<Diagnostic> diagnostics) : System.IEquatable<GeneratedOperator>
{
    public string FileName { get; } = fileName;

    public string Text { get; } = text;

    /// <summary>The field that holds the definition; of a family, with <c>{0}</c> in the function's place.</summary>
    public string Definition { get; } = definition;

    /// <summary>Of a family: the interface of its functions.</summary>
    public string? Functions { get; } = functions;

    public ImmutableArray<Diagnostic> Diagnostics { get; } = diagnostics;

    public bool Equals(GeneratedOperator? other)
        => other is not null && FileName == other.FileName && Text == other.Text && Definition == other.Definition && Functions == other.Functions
            && Diagnostics.SequenceEqual(other.Diagnostics);

    public override bool Equals(object? obj) => Equals(obj as GeneratedOperator);

    public override int GetHashCode() => Text.GetHashCode();
}
