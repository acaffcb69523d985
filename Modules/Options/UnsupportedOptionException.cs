namespace GpuTransformer.Modules;

/// <summary>
/// An option, call argument or class that x-transformers has and this library does not offer (yet). Never thrown for a misspelt name: that is an
/// <see cref="ArgumentException"/>.
/// </summary>
public sealed class UnsupportedOptionException : NotSupportedException
{
    /// <summary>An exception about no option in particular.</summary>
    public UnsupportedOptionException()
        : this("The option is not supported.")
    {
    }

    /// <summary>An exception with a message.</summary>
    public UnsupportedOptionException(string message)
        : base(message)
    {
    }

    /// <summary>An exception with a message and what caused it.</summary>
    public UnsupportedOptionException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    /// <summary>An exception that names the option.</summary>
    public UnsupportedOptionException(string option, string message)
        : base(message) => Option = option;

    /// <summary>x-transformers' name of what is not supported.</summary>
    public string? Option { get; }
}
