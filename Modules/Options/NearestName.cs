namespace GpuTransformer.Modules;

/// <summary>Which known name a misspelt one most likely meant.</summary>
internal static class NearestName
{
    // Nobody misspells a name into a text; and the distance of a long one takes long.
    private const int Longest = 80;

    /// <summary>The nearest of the known names.</summary>
    public static string Of(string name, IEnumerable<string> known)
    {
        string start = Shorten(name);
        return known.MinBy(k => Distance(start, k)) ?? "(none)";
    }

    /// <summary>A name out of a file as a message can hold it.</summary>
    public static string Shorten(string name) => name.Length <= Longest ? name : name[..Longest] + "…";

    /// <summary>Levenshtein's distance: the fewest insertions, deletions and replacements of one character.</summary>
    public static int Distance(string a, string b)
    {
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[b.Length];
    }
}
