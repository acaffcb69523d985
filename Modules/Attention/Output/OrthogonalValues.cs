using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// OrthogProjectedValues: of the merged heads, what is orthogonal to the values, x − (x·u) u with u = v / max(‖v‖, 10⁻¹²), both taken as one long vector for
/// each sample. OrthogProjectedValuesPerHead gives the same, as x-transformers has it; with both it stands twice, side by side.
/// </summary>
/// <remarks>"Belief attention", 2026.</remarks>
internal sealed record OrthogonalValues(int Copies, int Heads, int KeyValueHeads) : IMergedStage
{
    private const float Smallest = 1e-12f;

    public static OrthogonalValues? Of(Attention owner)
    {
        AttentionOptions options = owner.Options;
        return options.OrthogProjectedValues || options.OrthogProjectedValuesPerHead
            ? new OrthogonalValues(options.OutputCopies, options.QueryHeads, options.KeyValueHeads)
            : null;
    }

    /// <summary>What of <paramref name="x"/> is orthogonal to <paramref name="y"/>, along the last axis.</summary>
    public static Tensor Project(Tensor x, Tensor y)
    {
        Tensor unit = y / Operators.Maximum(Operators.Norm(y, -1, keepDim: true), Smallest);
        return x - (x * unit).Sum(-1, keepDim: true) * unit;
    }

    public Tensor Finish(Tensor merged, AttentionPass pass)
    {
        // The last values are the queries' own: what stands before them are memories.
        Tensor values = pass.Values;
        int queries = merged.Shape[1], times = Heads / KeyValueHeads;
        if (values.Shape[1] > queries)
            values = values.Narrow(1, values.Shape[1] - queries, queries);
        if (times > 1)
        {
            Tensor[] copies = new Tensor[times];
            Array.Fill(copies, values);
            values = Operators.Concatenate(copies, -1);
        }

        Shape flat = [merged.Shape[0], (int)(merged.Shape.Count / Math.Max(1, merged.Shape[0]))];
        Tensor orthogonal = Project(merged.Reshape(flat), values.Reshape(flat)).Reshape(merged.Shape);
        return Copies == 1 ? orthogonal : Operators.Concatenate([orthogonal, orthogonal], -1);
    }
}
