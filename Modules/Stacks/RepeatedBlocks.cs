using System.Text.Json;

namespace GpuTransformer.Modules;

/// <summary>Blocks of a stack that run several times in one call: the range as a whole, again and again.</summary>
/// <param name="First">The first block, from 0.</param>
/// <param name="Last">The last block of the range.</param>
/// <param name="Times">How often.</param>
public sealed record RepeatedBlocks(int First, int Last, int Times)
{
    /// <summary>The order of layers with some blocks repeated.</summary>
    /// <param name="ranges">Which.</param>
    /// <param name="blocks">How many there are.</param>
    /// <param name="width">Layers of each.</param>
    internal static List<int> Order(IReadOnlyList<RepeatedBlocks> ranges, int blocks, int width)
    {
        foreach (RepeatedBlocks range in ranges)
        {
            if (range.First < 0 || range.First > range.Last || range.Last >= blocks || range.Times < 1)
                throw ForwardChecks.Wrong(
                    "repeatBlocks", $"'repeatBlocks' has {range}, but there are blocks 0 to {blocks - 1}, and a range runs at least once.");
        }

        var order = new List<int>();
        for (int block = 0; block < blocks; block++)
        {
            RepeatedBlocks range = ranges.LastOrDefault(r => r.First == block) ?? new RepeatedBlocks(block, block, 1);
            for (int i = 0; i < range.Times; i++)
                order.AddRange(Enumerable.Range(range.First * width, (range.Last - range.First + 1) * width));
            block = range.Last;
        }

        return order;
    }

    /// <summary>x-transformers' way to say it: [block or [first, last], times], or a list of those.</summary>
    internal static List<RepeatedBlocks> Read(JsonElement json)
    {
        const string Name = "repeat_blocks";
        if (json.ValueKind == JsonValueKind.Array && json.GetArrayLength() == 2 && json[1].ValueKind == JsonValueKind.Number)
            return [One(json)];
        return json.ValueKind == JsonValueKind.Array ? [.. json.EnumerateArray().Select(One)] : throw Bad();

        RepeatedBlocks One(JsonElement pair)
        {
            if (pair.ValueKind != JsonValueKind.Array || pair.GetArrayLength() != 2 || !Number(pair[1], out int times))
                throw Bad();
            if (Number(pair[0], out int block))
                return new RepeatedBlocks(block, block, times);
            List<int> range = Integers(pair[0], Name);
            return range.Count == 2 ? new RepeatedBlocks(range[0], range[1], times) : throw Bad();
        }

        ArgumentException Bad() => ForwardChecks.Wrong(
            Name,
            $"The argument '{Name}' is {NearestName.Shorten(json.GetRawText())}, but it takes [block, times], [[first, last], times] or a list of those.");
    }

    /// <summary>A list of integers.</summary>
    internal static List<int> Integers(JsonElement json, string name)
        => json.ValueKind == JsonValueKind.Array && json.EnumerateArray().All(static n => Number(n, out _))
            ? [.. json.EnumerateArray().Select(static n => n.GetInt32())]
            : throw ForwardChecks.Wrong(name, $"The argument '{name}' is {NearestName.Shorten(json.GetRawText())}, not a list of integers.");

    private static bool Number(JsonElement json, out int value)
    {
        value = 0;
        return json.ValueKind == JsonValueKind.Number && json.TryGetInt32(out value);
    }
}
