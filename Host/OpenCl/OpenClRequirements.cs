using System.Globalization;
using GpuTransformer.Kernels;

namespace GpuTransformer.Host.OpenCl;

/// <summary>What an OpenCL device must have to run the Portable kernels.</summary>
internal static class OpenClRequirements
{
    /// <summary>The threads of the largest group that a kernel launches.</summary>
    public const int GroupSize = AttentionTiles.GroupSize;

    /// <summary>The bytes of local memory that a group of the most demanding kernel takes.</summary>
    public const int LocalMemoryBytes = AttentionTiles.BackwardBytes;

    /// <summary>
    /// Names a device that is taken although it says that its OpenCL is older than 2.0: the one whose name is the variable's value, in letters of either case.
    /// For checkers such as Oclgrind, which claims 1.2 and yet compiles and runs what the kernels need.
    /// </summary>
    public const string AcceptVariable = "GPUTRANSFORMER_ACCEPT_OPENCL_1";

    /// <summary>Why the device cannot be used, and what would help; null if it can.</summary>
    /// <param name="facts">What the device says about itself.</param>
    /// <param name="accepted">The value of <see cref="AcceptVariable"/>.</param>
    public static string? Refuse(OpenClDeviceFacts facts, string? accepted = null)
    {
        if (!facts.IsEnabled)
            return "its driver reports it as disabled. Another process may hold it exclusively, or it was switched off in the driver's settings.";
        if (!facts.HasCompiler)
            return "its driver has no compiler for OpenCL C. Install the vendor's full driver.";
        if (!facts.IsLittleEndian)
            return "it is big-endian, which ILGPU does not support.";
        if (facts.AddressBits != 64)
            return $"it has {facts.AddressBits}-bit addresses, but 64-bit ones are needed.";
        if (ParseVersion(facts.Version) is { Major: < 2 } && !string.Equals(facts.Name, accepted, StringComparison.OrdinalIgnoreCase))
            return $"it offers '{facts.Version}', but OpenCL 2.0 or newer is needed. A newer driver may offer it.";
        if (facts.MaxGroupSize < GroupSize)
            return $"it runs groups of at most {facts.MaxGroupSize} threads, but kernels need {GroupSize}.";
        if (facts.LocalMemoryBytes < LocalMemoryBytes)
            return $"it has {facts.LocalMemoryBytes} bytes of local memory, but kernels need {LocalMemoryBytes}.";
        return null;
    }

    /// <summary>What is worth knowing about a device that can be used.</summary>
    public static string? Note(OpenClDeviceFacts facts) => facts.HasGenericAddressSpace
        ? null
        : "no generic address space; our kernels do without (every pointer in them names its address space)";

    /// <summary>The number in CL_DEVICE_VERSION, "OpenCL 3.0 vendor's words"; 0.0 when it is none.</summary>
    public static Version ParseVersion(string text)
    {
        const string Prefix = "OpenCL ";
        if (!text.StartsWith(Prefix, StringComparison.Ordinal))
            return new Version(0, 0);
        int end = text.IndexOf(' ', Prefix.Length);
        ReadOnlySpan<char> number = end < 0 ? text.AsSpan(Prefix.Length) : text.AsSpan(Prefix.Length, end - Prefix.Length);
        return Version.TryParse(number.ToString(), out Version? version) ? version : new Version(0, 0);
    }

    /// <summary>What an OpenCL error code means.</summary>
    public static string ErrorText(int error) => error switch
    {
        -1 => "no device",
        -5 => "out of resources",
        -6 => "out of host memory",
        -1001 => "no platform",
        _ => string.Create(CultureInfo.InvariantCulture, $"error {error}"),
    };
}
