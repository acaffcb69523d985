using System.Collections.Concurrent;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace GpuTransformer.Modules;

/// <summary>
/// The checks that settings share; each names the setting, its value and what would be right. Those that return the value stand in the setters.
/// </summary>
internal static class OptionChecks
{
    private static readonly ConcurrentDictionary<Type, (PropertyInfo Property, OptionRange Range)[]> s_ranges = new();

    /// <summary>At least 1.</summary>
    public static int AtLeastOne(int value, [CallerMemberName] string name = "")
    {
        Positive(value, name);
        return value;
    }

    /// <summary>At least 0.</summary>
    public static int Count(int value, [CallerMemberName] string name = "")
    {
        NotNegative(value, name);
        return value;
    }

    /// <summary>Finite and above zero.</summary>
    public static double PositiveNumber(double value, [CallerMemberName] string name = "")
        => value > 0 && double.IsFinite(value) ? value : throw new ArgumentException($"{name} = {value}, but it must be a positive number.", name);

    /// <summary>Finite and at least zero.</summary>
    public static double NotNegativeNumber(double value, [CallerMemberName] string name = "")
        => value >= 0 && double.IsFinite(value) ? value : throw new ArgumentException($"{name} = {value}, but it must be zero or a positive number.", name);

    /// <summary>Above 0 and at most 1.</summary>
    public static double Share(double value, [CallerMemberName] string name = "")
        => value is > 0 and <= 1 ? value : throw new ArgumentException($"{name} = {value}, but a share of something lies in (0, 1].", name);

    /// <summary>From 0 to below 1: how much of something is kept in each step.</summary>
    public static double Kept(double value, [CallerMemberName] string name = "")
        => value is >= 0 and < 1 ? value : throw new ArgumentException($"{name} = {value}, but what is kept in each step lies in [0, 1).", name);

    /// <summary>One of the enumeration's members.</summary>
    public static T Defined<T>(T value, [CallerMemberName] string name = "")
        where T : struct, Enum
        => Enum.IsDefined(value)
            ? value
            : throw new ArgumentException($"{name} = {value}, but it must be one of {string.Join(", ", Enum.GetNames<T>())}.", name);

    /// <summary>Checks every option of a record that says what it takes.</summary>
    public static void Ranges(object options)
    {
        foreach ((PropertyInfo property, OptionRange range) in s_ranges.GetOrAdd(options.GetType(), Ranged))
        {
            if (property.GetValue(options) is { } value)
                Check(value, range, property.Name);
        }
    }

    /// <summary>What a module on its own cannot do without, though inside another it is that one's to say.</summary>
    public static void Needed(int? value, string name, string who)
    {
        if (value is null)
            throw new ArgumentException($"{name} is missing: {who} on its own needs it.", name);
    }

    /// <summary>What the outer record decides for the inner one: left out there, or the same.</summary>
    public static void LeftTo(string outerName, int outer, int? inner, string innerName)
    {
        if (inner is { } value && value != outer)
            throw new ArgumentException($"{innerName} = {value}, but the stack decides it by {outerName} = {outer}; leave it out.", innerName);
    }

    public static void Finite(float value, string name)
    {
        if (!float.IsFinite(value))
            throw new ArgumentException($"{name} = {value}, but it must be a finite number.", name);
    }

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

    /// <summary>A length that is the product of two options.</summary>
    public static void Product(int a, int b, string what, string name)
    {
        if ((long)a * b > int.MaxValue)
            throw new ArgumentException($"{what} = {(long)a * b}, but a tensor's axis is at most {int.MaxValue} long.", name);
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

    private static (PropertyInfo Property, OptionRange Range)[] Ranged(Type options)
        =>
        [
            .. from property in options.GetProperties()
               let takes = property.GetCustomAttribute<TakesAttribute>()
               where takes is not null
               select (property, takes.Range),
        ];

    private static void Check(object value, OptionRange range, string name)
    {
        switch (range)
        {
            case OptionRange.Positive:
                Positive((int)value, name);
                break;
            case OptionRange.Count:
                NotNegative((int)value, name);
                break;
            case OptionRange.PositiveNumber:
                PositiveOrNull(Convert.ToSingle(value, CultureInfo.InvariantCulture), name);
                break;
            case OptionRange.Finite:
                Finite(Convert.ToSingle(value, CultureInfo.InvariantCulture), name);
                break;
            case OptionRange.Probability:
                Probability(Convert.ToSingle(value, CultureInfo.InvariantCulture), name);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(range), range, "No such range.");
        }
    }
}
