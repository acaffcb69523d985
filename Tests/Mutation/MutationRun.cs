using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace GpuTransformer.Tests.Mutation;

/// <summary>What spoilt files came to: a result, an exception that the documentation names, or anything else.</summary>
internal sealed class MutationRun(string name, Func<Exception, bool> isDocumented)
{
    /// <summary>How many files the long form tries; unset for the short one.</summary>
    public const string CountVariable = "GPUTRANSFORMER_MUTATIONS";

    private const long MostBytes = 64 << 20;

    private readonly Dictionary<string, int> _undocumented = [];
    private readonly StringBuilder _examples = new();

    public int Results { get; private set; }

    public int Documented { get; private set; }

    public int Undocumented => _undocumented.Values.Sum();

    /// <summary>Files that took more than a second; told, not judged, for a machine may be busy.</summary>
    public int Slow { get; private set; }

    /// <summary>Files that were refused, and for which more than 64 MiB were allocated all the same.</summary>
    public int Heavy { get; private set; }

    private TimeSpan Longest { get; set; }

    /// <summary>How many files to try.</summary>
    public static int Count(int shortForm)
        => int.TryParse(Environment.GetEnvironmentVariable(CountVariable), CultureInfo.InvariantCulture, out int count) ? count : shortForm;

    /// <summary>Tries one.</summary>
    public void Try(byte[] file, Action<byte[]> use)
    {
        long start = Stopwatch.GetTimestamp(), allocated = GC.GetAllocatedBytesForCurrentThread();
        int results = Results;
        try
        {
            use(file);
            Results++;
        }
        catch (Exception exception) when (isDocumented(exception))
        {
            Documented++;
        }
        catch (Exception exception)
        {
            Note(
                $"{exception.GetType().Name}: {exception.Message} "
                + $"{exception.StackTrace?.Split('\n').FirstOrDefault(static l => l.Contains("GpuTransformer", StringComparison.Ordinal))?.Trim()}",
                file);
        }

        TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
        Longest = elapsed > Longest ? elapsed : Longest;
        if (elapsed.TotalSeconds > 1)
            Slow++;
        if (Results == results && GC.GetAllocatedBytesForCurrentThread() - allocated > MostBytes && Heavy++ < 3)
            _examples.AppendLine(CultureInfo.InvariantCulture, $"  heavy: {Show(file)}");
    }

    /// <summary>Counts, and what was undocumented with the first file that showed it.</summary>
    public override string ToString()
    {
        string counts = string.Create(
            CultureInfo.InvariantCulture,
            $"{name}: {Results + Documented + Undocumented} files: {Results} results, {Documented} documented errors, {Undocumented} undocumented, {Heavy} "
            + $"refused above 64 MiB, {Slow} above 1 s (longest {Longest.TotalSeconds:f2} s)");
        return $"{counts}\n{string.Join('\n', _undocumented.OrderByDescending(static u => u.Value).Select(static u => $"  {u.Value} x {u.Key}"))}\n{_examples}";
    }

    private void Note(string what, byte[] file)
    {
        // One fault, many wordings: what is quoted or counted differs from file to file.
        string kind = new([.. what.Take(300).Select(static c => char.IsAsciiDigit(c) ? '#' : c)]);
        if (!_undocumented.TryAdd(kind, 1))
            _undocumented[kind]++;
        else if (_undocumented.Count <= 20)
            _examples.AppendLine(CultureInfo.InvariantCulture, $"  {what}\n    {Show(file)}");
    }

    private static string Show(byte[] file) => Encoding.Latin1.GetString(file.AsSpan(0, Math.Min(file.Length, 1500))).Replace('\0', ' ');
}
