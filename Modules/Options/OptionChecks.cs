namespace GpuTransformer.Modules;

/// <summary>The checks that option records share; each names the option, its value and what would be right.</summary>
internal static class OptionChecks
{
    public static void Positive(int value, string name)
    {
        if (value < 1)
            throw new ArgumentException($"{name} = {value}, but it must be at least 1.", name);
    }

    public static void NotNegative(int value, string name)
    {
        if (value < 0)
            throw new ArgumentException($"{name} = {value}, but it must not be negative.", name);
    }

    public static void PositiveOrNull(float? value, string name)
    {
        if (value is { } number && !(number > 0 && float.IsFinite(number)))
            throw new ArgumentException($"{name} = {number}, but it must be a positive number.", name);
    }

    public static void Probability(float value, string name)
    {
        if (!(value >= 0 && value < 1))
            throw new ArgumentException($"{name} = {value}, but a dropout probability lies in [0, 1).", name);
    }

    public static void AtMostOne(params ReadOnlySpan<(bool On, string Name)> options)
    {
        string? first = null;
        foreach ((bool on, string name) in options)
        {
            if (!on)
                continue;
            if (first is not null)
                throw new ArgumentException($"{first} and {name} exclude each other; switch one of them off.", name);
            first = name;
        }
    }
}
