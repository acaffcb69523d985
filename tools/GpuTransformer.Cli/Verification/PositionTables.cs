using System.Globalization;
using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Verification;

/// <summary>Tables of positions: T5's ranges of distance, and what rotary positions make of vectors.</summary>
internal static class PositionTables
{
    private const string Rotated = ".rotated";

    /// <summary>The ranges of distances, exact.</summary>
    public static IReadOnlyList<GoldenOutput> Buckets(SafetensorsReader file)
    {
        var outputs = new List<GoldenOutput>();
        foreach (SafetensorsEntry entry in file.Entries.Where(static e => e.Name.StartsWith("bucket.", StringComparison.Ordinal)))
        {
            // bucket.32_128.causal
            string[] parts = entry.Name.Split('.');
            int[] numbers = [.. parts[1].Split('_').Select(static n => int.Parse(n, CultureInfo.InvariantCulture))];
            double[] distances = file.ReadDoubles($"rel.{parts[1]}");
            float[] actual = [.. distances.Select(d => (float)BucketBias.Bucket((int)d, parts[2] == "causal", numbers[0], numbers[1]))];
            outputs.Add(new GoldenOutput(entry.Name, entry.Shape, DType.Float32, actual, file.ReadCounted(entry.Name, actual.Length), 0));
        }

        return outputs;
    }

    /// <summary>Vectors [batch, heads, sequence, width] rotated by their positions, plainly and with xPos.</summary>
    public static IReadOnlyList<GoldenOutput> Rotations(SafetensorsReader file, ComputeDevice device)
    {
        var outputs = new List<GoldenOutput>();
        foreach (SafetensorsEntry entry in file.Entries.Where(static e => e.Name.EndsWith(Rotated, StringComparison.Ordinal)))
        {
            string table = entry.Name[..^Rotated.Length];
            int dim = int.Parse(table[1..], CultureInfo.InvariantCulture);
            Shape shape = file.Ranked($"{table}.x", 4);
            Tensor x = file.ReadTensor($"{table}.x", device), positions = Positions(file, table, device);
            Add(entry.Name, Options(dim, shape[3]), static t => t.Query);
            if (!file.Contains($"{table}.xpos_rotated_q"))
                continue;
            AttentionLayersOptions xpos = Options(dim, shape[3]) with { RotaryXpos = true, RotaryXposScaleBase = 32 };
            positions = PositionTensors.Counted(device, 0, shape[2]);
            Add($"{table}.xpos_rotated_q", xpos, static t => t.Query);
            Add($"{table}.xpos_rotated_k", xpos, static t => t.Key);

            void Add(string name, AttentionLayersOptions options, Func<RotationTables, Tensor> choose)
            {
                using var rotary = new RotaryPositions(options, new ParameterInitializer(device));
                Tensor rows = x.Permute(0, 2, 1, 3).Reshape([shape[0], shape[2], shape[1] * shape[3]]);
                Tensor rotated = Operators.RotatePairs(rows, choose(rotary.Of(positions)), shape[1]);
                Tensor output = rotated.Reshape([shape[0], shape[2], shape[1], shape[3]]).Permute(0, 2, 1, 3);

                // The file has PyTorch's float32 alone: its own error is a rounding of a number of this size.
                double[] exact = file.ReadDoubles(name);
                outputs.Add(new GoldenOutput(name, shape, DType.Float32, output.ToArray(), exact, Math.Pow(2, -23) * exact.Max(Math.Abs)));
            }
        }

        return outputs;
    }

    private static AttentionLayersOptions Options(int dim, int width)
        => new() { Dim = width, Depth = 1, Causal = true, RotaryPosEmb = true, RotaryEmbDim = dim, Attn = new() { DimHead = width } };

    private static Tensor Positions(SafetensorsReader file, string table, ComputeDevice device)
    {
        float[] positions = [.. file.ReadDoubles($"{table}.pos").Select(static p => (float)p)];
        return Tensor.From(device, [1, positions.Length], positions);
    }
}
