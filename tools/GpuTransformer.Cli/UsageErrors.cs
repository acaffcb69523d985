using System.CommandLine;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli;

/// <summary>What is wrong with a command line, in words that help: a misspelt name comes with the one that was probably meant.</summary>
internal static class UsageErrors
{
    /// <summary>Whether only a command that has commands of its own was given: <c>gpu-transformer</c>, <c>gpu-transformer bench</c>.</summary>
    public static bool IsGroupAlone(ParseResult parsed)
        => IsGroup(parsed.CommandResult.Command) && parsed.UnmatchedTokens.Count == 0 && parsed.Errors.Count > 0;

    /// <summary>One message for each error.</summary>
    public static IEnumerable<string> Of(ParseResult parsed)
    {
        Command command = parsed.CommandResult.Command;
        string[] unknown = [.. Unknown(parsed.UnmatchedTokens)];

        // Where a word is unknown, that a command is missing and that the word is unknown follow from it.
        IEnumerable<string> others = parsed.Errors.Select(static e => e.Message)
            .Where(message => unknown.Length == 0
                || (!IsGroup(command) && !parsed.UnmatchedTokens.Any(token => message.Contains($"'{token}'", StringComparison.Ordinal))));
        return unknown.Select(word => Unrecognised(word, command)).Concat(others).Distinct();
    }

    private static bool IsGroup(Command command) => command.Subcommands.Count > 0;

    // What follows an unknown option is most likely its value.
    private static IEnumerable<string> Unknown(IReadOnlyList<string> tokens)
        => tokens.Where((token, i) => IsOption(token) || i == 0 || !IsOption(tokens[i - 1]));

    private static bool IsOption(string token) => token.StartsWith('-');

    private static string Unrecognised(string word, Command command)
    {
        bool isOption = IsOption(word);
        string[] known =
            [.. isOption ? command.Options.Append(new Option<bool>("--help")).Select(static o => o.Name) : command.Subcommands.Select(static c => c.Name)];
        string what = isOption ? $"There is no option '{word}'." : IsGroup(command) ? $"There is no command '{word}'." : $"'{word}' is one argument too many.";
        return Suggest(word, known) is { } near ? $"{what} Did you mean '{near}'?" : what;
    }

    /// <summary>The known name that a word is likely to mean, or null if it resembles none.</summary>
    public static string? Suggest(string word, IReadOnlyCollection<string> known)
    {
        // A word in the wrong case is the word.
        string lower = word.ToLowerInvariant(), near = NearestName.Of(lower, known.Select(static k => k.ToLowerInvariant()));
        int distance = NearestName.Distance(lower, near);
        bool resembles = (distance <= Math.Max(2, word.Length / 3) || near.StartsWith(lower, StringComparison.Ordinal)) && distance < near.Length;
        return resembles ? known.FirstOrDefault(k => k.Equals(near, StringComparison.OrdinalIgnoreCase)) : null;
    }
}
