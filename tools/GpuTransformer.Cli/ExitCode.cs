namespace GpuTransformer.Cli;

/// <summary>What the process tells its caller.</summary>
internal enum ExitCode
{
    /// <summary>Everything that was asked for was done, and every comparison passed.</summary>
    Pass = 0,

    /// <summary>At least one result differs from what it should be.</summary>
    Mismatch = 1,

    /// <summary>Wrong options, or a file that is missing or damaged.</summary>
    Usage = 2,

    /// <summary>The device that was asked for is not here.</summary>
    NoSuchDevice = 3,

    /// <summary>A fault of this program; the text on stderr is a bug report (EX_SOFTWARE of sysexits.h).</summary>
    Internal = 70,

    /// <summary>Ctrl-C or a request to terminate: 128 plus the number of SIGINT.</summary>
    Interrupted = 130,
}

/// <summary>The request cannot be carried out as it stands; the message says what to change.</summary>
internal sealed class UsageException(string message) : Exception(message);
