namespace GpuTransformer.Cli.Train.Text;

/// <summary>What <c>train text</c> came to, in bits for each byte, beside what is known without a model.</summary>
internal sealed record TextReport : TrainingReport
{
    /// <summary>The held-out text's.</summary>
    public double BitsPerByte { get; init; }

    /// <summary>Of the end of the training text, 64 KiB at most.</summary>
    public double TrainingBitsPerByte { get; init; }

    public double BigramBitsPerByte { get; init; }

    /// <summary>What the held-out text adds to the compressed training text.</summary>
    public double GzipBitsPerByte { get; init; }

    public double GzipAloneBitsPerByte { get; init; }

    public int TrainingBytes { get; init; }

    public int HeldOutBytes { get; init; }

    public int Files { get; init; }

    public IReadOnlyList<string> SkippedFiles { get; init; } = [];

    public string Sample { get; init; } = string.Empty;

    /// <inheritdoc/>
    public override string Illustration => TextSample.Shown(Sample);

    /// <inheritdoc/>
    public override string Summary => FormattableString.Invariant(
        $"{BitsPerByte:f3} bits per byte of held-out text ({TrainingBitsPerByte:f3} of training text); a table of pairs needs {BigramBitsPerByte:f3}, ")
        + FormattableString.Invariant($"gzip {GzipBitsPerByte:f3} after the training text and {GzipAloneBitsPerByte:f3} without it");
}
