using System.Runtime.CompilerServices;
using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>Masks and positions that are made on the host, where something stands in front of a sequence or sequences have different lengths.</summary>
internal static class SequenceMasks
{
    /// <summary>Masks one after the other: bool [batch, sum of lengths], all true where a part has none; null where no part has one.</summary>
    public static Tensor? Join(ComputeDevice device, int batch, params ReadOnlySpan<(Tensor? Mask, int Length)> parts)
    {
        int total = 0, given = 0;
        foreach ((Tensor? mask, int length) in parts)
        {
            total += length;
            given += mask is null ? 0 : 1;
        }

        if (given == 0)
            return null;

        // Nothing in front of it: the mask itself, which need not visit the host.
        foreach ((Tensor? mask, int length) in parts)
        {
            if (mask is not null && length == total)
                return mask;
        }

        var joined = new bool[batch * total];
        int start = 0;
        foreach ((Tensor? mask, int length) in parts)
        {
            bool[]? flags = mask?.ToBoolArray();
            for (int b = 0; b < batch; b++)
            {
                Span<bool> target = joined.AsSpan(b * total + start, length);
                if (flags is null)
                    target.Fill(true);
                else
                    flags.AsSpan(b * length, length).CopyTo(target);
            }

            start += length;
        }

        return Tensor.From(device, [batch, total], joined);
    }

    /// <summary>bool [batch, length]: true from the start of each sequence on.</summary>
    public static Tensor From(ComputeDevice device, Tensor starts, int length)
        => Make(device, Bounds(starts, length, "seqStartPos"), length, static (position, start) => position >= start);

    /// <summary>bool [batch, length]: true up to the length of each sequence.</summary>
    public static Tensor UpTo(Tensor lens, int length) => Make(lens.Device, Bounds(lens, length, "lens"), length, static (position, end) => position < end);

    /// <summary>Int32 [batch, length]: positions counted from the start of each sequence; 0 before it.</summary>
    public static Tensor PositionsFrom(Tensor starts, int length)
    {
        long[] first = Bounds(starts, length, "seqStartPos");
        var positions = new int[first.Length * length];
        for (int i = 0; i < positions.Length; i++)
            positions[i] = (int)Math.Max(0, i % length - first[i / length]);
        return Tensor.From(starts.Device, [first.Length, length], positions);
    }

    /// <summary>Where left-padded sequences start: integers [batch].</summary>
    public static void CheckStarts(Tensor seqStartPos, int batch)
    {
        if (seqStartPos.Shape != new Shape(batch) || seqStartPos.DType is not (DType.Int32 or DType.Int64))
            throw ForwardChecks.Wrong(
                nameof(seqStartPos), $"'seqStartPos' is {seqStartPos.DType} {seqStartPos.Shape}, but it needs integers [{batch}], one start for each sample.");
    }

    /// <summary>The lengths of right-padded sequences: integers [batch].</summary>
    public static void CheckLens(Module module, Tensor lens, int batch, [CallerArgumentExpression(nameof(lens))] string name = "")
    {
        ForwardChecks.OnDevice(module, lens, name);
        if (lens.Shape != new Shape(batch) || lens.DType is not (DType.Int32 or DType.Int64))
            throw ForwardChecks.Wrong(name, $"'{name}' is {lens.DType} {lens.Shape}, but it needs integers [{batch}], one length for each sample.");
    }

    // All 64 bits are looked at: a start of −2^33 would overflow a position.
    private static long[] Bounds(Tensor bounds, int length, string name)
    {
        long[] values = bounds.ToInt64Array();
        foreach (long value in values)
        {
            if (value < 0 || value > length)
                throw ForwardChecks.Wrong(name, $"'{name}' holds {value}, but a sequence has {length} positions: only 0 to {length} is valid.");
        }

        return values;
    }

    private static Tensor Make(ComputeDevice device, long[] values, int length, Func<int, long, bool> keep)
    {
        var flags = new bool[values.Length * length];
        for (int i = 0; i < flags.Length; i++)
            flags[i] = keep(i % length, values[i / length]);
        return Tensor.From(device, [values.Length, length], flags);
    }
}
