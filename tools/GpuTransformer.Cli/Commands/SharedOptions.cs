using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
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
    public static Option<FileInfo?> Json() => OutputFile("--json", "also write the report to this file, as JSON");

    /// <summary>A file that will be written. That its folder is missing is found out now rather than after a long run.</summary>
    public static Option<FileInfo?> OutputFile(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "FILE",
        CustomParser = result =>
        {
            var file = new FileInfo(result.Tokens[0].Value);
            if (Directory.Exists(file.FullName))
                result.AddError($"{name}: '{file.FullName}' is a folder; a file is needed.");
            else if (file.Directory is not { Exists: true })
                result.AddError($"{name}: there is no folder '{file.DirectoryName}'.");
            return file;
        },
    };

    /// <summary>A file that is read.</summary>
    public static Option<FileInfo> Existing(string name, string description, bool required) => new(name)
    {
        Description = description,
        HelpName = "FILE",
        Required = required,
        CustomParser = result =>
        {
            var file = new FileInfo(result.Tokens[0].Value);
            if (!file.Exists)
                result.AddError($"{name}: there is no file '{file.FullName}'.");
            return file;
        },
    };

    /// <summary>A positive number.</summary>
    public static Option<int> Size(string name, string description, int value) => new(name)
    {
        Description = description,
        HelpName = "N",
        DefaultValueFactory = _ => value,
        CustomParser = result => Whole(result, name, least: 1),
    };

    /// <summary>The precision of parameters and activations.</summary>
    public static Option<DType> Precision() => new("--dtype")
    {
        Description = "float32, float16 or bfloat16",
        HelpName = "TYPE",
        DefaultValueFactory = static _ => DType.Float32,
        CustomParser = static result =>
        {
            if (!Enum.TryParse(result.Tokens[0].Value, ignoreCase: true, out DType dtype) || !dtype.IsFloatingPoint())
                result.AddError($"--dtype: '{result.Tokens[0].Value}' is none of float32, float16, bfloat16.");
            return dtype;
        },
    };

    /// <summary>Every case.</summary>
    public static Option<bool> Verbose() => new("--verbose") { Description = "write a line for every case, not only for those that fail" };

    /// <summary>Which operators.</summary>
    public static Option<string> Kernel() => new("--kernel")
    {
        Description = "only operators (or Operator/Variant) that match this pattern: LayerNorm, Attention*, */Portable",
        HelpName = "PATTERN",
        DefaultValueFactory = static _ => "*",
    };

    /// <summary>The seed of the random inputs.</summary>
    public static Option<int> Seed()
        => new("--seed")
        {
            Description = "seed of the random inputs", HelpName = "N", DefaultValueFactory = static _ => 1,
            CustomParser = static result => Whole(result, "--seed", int.MinValue),
        };

    private static int Whole(ArgumentResult result, string name, int least)
    {
        string text = result.Tokens[0].Value;
        if (!int.TryParse(text, CultureInfo.InvariantCulture, out int value) || value < least)
            result.AddError(string.Create(CultureInfo.InvariantCulture, $"{name}: '{text}' is not a whole number from {least} to {int.MaxValue}."));
        return value;
    }

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
            string? near = UsageErrors.Suggest(pattern, [.. KernelCatalog.Operators.Select(static o => o.Name)]);
            if (variantName is not null && KernelCatalog.Operators.Any(o => Matches(pattern, o.Name)))
                near = UsageErrors.Suggest(variantName, [.. KernelCatalog.Operators.SelectMany(static o => o.Variants).Select(static v => v.Name).Distinct()]);
            throw new UsageException(
                $"No kernel matches {wanted}.{(near is null ? string.Empty : $" Did you mean '{near}'?")} The operators are "
                + $"{string.Join(", ", KernelCatalog.Operators.Select(static o => o.Name))}.");
        }

        return selected;
    }
}
