using System.CommandLine;
using System.IO.Enumeration;
using GpuTransformer.Host;

namespace GpuTransformer.Cli.Commands;

/// <summary>Options that mean the same in every command. Each command makes its own: an option belongs to one command.</summary>
internal static class SharedOptions
{
    /// <summary>One device.</summary>
    public static Option<string?> Device() => new("--device")
    {
        Description = "cpu, cuda, opencl, cuda:1, … (default: the best there is; `gpu-transformer devices` lists them)",
        HelpName = "ID",
    };

    /// <summary>One device or every device.</summary>
    public static Option<string?> Devices() => new("--device")
    {
        Description = "cpu, cuda, opencl, cuda:1, …, simulator, or all (default: the best there is; `gpu-transformer devices` lists them)",
        HelpName = "ID",
    };

    /// <summary>The report for machines.</summary>
    public static Option<FileInfo?> Json()
    {
        var option = new Option<FileInfo?>("--json") { Description = "also write the report to this file, as JSON", HelpName = "FILE" };
        option.Validators.Add(static result =>
        {
            // Found out now rather than after a long run.
            if (result.GetValueOrDefault<FileInfo?>() is { Directory.Exists: false } file)
                result.AddError($"--json: there is no folder '{file.DirectoryName}'.");
        });
        return option;
    }

    /// <summary>Which operators.</summary>
    public static Option<string> Kernel() => new("--kernel")
    {
        Description = "only operators (or Operator/Variant) that match this pattern: LayerNorm, Attention*, */Portable",
        HelpName = "PATTERN",
        DefaultValueFactory = static _ => "*",
    };

    /// <summary>The seed of the random inputs.</summary>
    public static Option<int> Seed() => new("--seed") { Description = "seed of the random inputs", HelpName = "N", DefaultValueFactory = static _ => 1 };

    /// <summary>Whether a name matches a pattern of *, ? and letters of either case.</summary>
    public static bool Matches(string pattern, string name) => FileSystemName.MatchesSimpleExpression(pattern, name);

    /// <summary>The variants of the catalogue whose operator name, or Operator/Variant, matches.</summary>
    /// <exception cref="UsageException">There is none; the message lists the operators.</exception>
    public static IReadOnlyList<(OperatorDefinition Operator, KernelVariant Variant)> SelectVariants(string pattern, string? variantName = null)
    {
        List<(OperatorDefinition Operator, KernelVariant Variant)> selected =
        [
            .. from definition in KernelCatalog.Operators
               from variant in definition.Variants
               where Matches(pattern, definition.Name) || Matches(pattern, $"{definition.Name}/{variant.Name}")
               where variantName is null || Matches(variantName, variant.Name)
               select (definition, variant),
        ];
        if (selected.Count == 0)
        {
            string wanted = variantName is null ? $"'{pattern}'" : $"'{pattern}' with a variant '{variantName}'";
            throw new UsageException($"No kernel matches {wanted}. The operators are {string.Join(", ", KernelCatalog.Operators.Select(static o => o.Name))}.");
        }

        return selected;
    }
}
