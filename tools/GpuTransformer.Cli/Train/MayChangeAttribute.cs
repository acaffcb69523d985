using System.Reflection;

namespace GpuTransformer.Cli.Train;

/// <summary>Marks a setting that a resumed run may be given anew: how training goes on, not what is learned.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class MayChangeAttribute : Attribute;

/// <summary>What may change when a run is resumed.</summary>
internal static class ResumedSettings
{
    /// <summary>Compares the settings of a run with those that are to continue it.</summary>
    /// <param name="kept">The run's.</param>
    /// <param name="given">What it is to go on with.</param>
    /// <param name="where">The run's folder, for the message.</param>
    /// <exception cref="UsageException">They describe another model or other data.</exception>
    public static void Check(TrainingSettings kept, TrainingSettings given, string where)
    {
        foreach (PropertyInfo property in kept.GetType().GetProperties())
        {
            (object? old, object? now) = (property.GetValue(kept), property.GetValue(given));
            if (property.GetCustomAttribute<MayChangeAttribute>() is null && !Equals(old, now))
                throw new UsageException(
                    string.Create(
                        System.Globalization.CultureInfo.InvariantCulture,
                        $"--resume: {SettingsJson.Name(property)} is {Text(now)}, but the run in '{where}' has {Text(old)}. "
                        + $"Leave it out to continue that run, or begin another in another folder."));
        }
    }

    private static object Text(object? value) => value is null ? "not given" : value is Enum ? SettingsJson.Name(value) : value;
}
