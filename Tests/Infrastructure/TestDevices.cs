using GpuTransformer.Host;

namespace GpuTransformer.Tests;

/// <summary>
/// The devices that tests run on, opened once and shared: opening one takes a third of a second, and its kernels are compiled once each.
/// Tests run one after another (see <c>AssemblySetup</c>), so sharing is safe.
/// </summary>
internal static class TestDevices
{
    /// <summary>ILGPU's CPU accelerator: runs Portable kernels on tiny shapes, everywhere.</summary>
    public const string Simulator = "simulator";

    /// <summary>Comma-separated ids of devices that must be here: a missing one then fails its rows instead of skipping them.</summary>
    public const string RequireVariable = "GPUTRANSFORMER_REQUIRE";

    private static readonly Dictionary<string, ComputeDevice> s_open = [];
    private static readonly Dictionary<string, string> s_missing = [];

    /// <summary>The kinds of devices that every device test runs on, where they are.</summary>
    public static IReadOnlyList<string> Ids { get; } = ["cpu", "opencl", "cuda"];

    /// <summary>What runs the kernels on a device of that id.</summary>
    public static DeviceKind KindOf(string id) => id switch
    {
        "cpu" => DeviceKind.Cpu,
        "opencl" => DeviceKind.OpenCl,
        "cuda" => DeviceKind.Cuda,
        Simulator => DeviceKind.Simulator,
        _ => throw new ArgumentOutOfRangeException(nameof(id), id, "Unknown device."),
    };

    /// <summary>The shared device; skips the test where it is absent, or fails it where <see cref="RequireVariable"/> asks for it.</summary>
    public static ComputeDevice Get(string id)
    {
        if (s_open.TryGetValue(id, out ComputeDevice? device))
            return device;
        device = OpenNew(id);
        s_open.Add(id, device);
        return device;
    }

    /// <summary>
    /// The shared device, for a test that counts its memory: what earlier tests forgot has come back and does not come back while the test runs.
    /// </summary>
    public static ComputeDevice GetSettled(string id)
    {
        ComputeDevice device = Get(id);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        using Tensor takesWhatWasFound = Tensor.Empty(device, [1]);
        return device;
    }

    /// <summary>A device of the test's own, which it disposes: for tests of counters and of disposal.</summary>
    public static ComputeDevice OpenNew(string id)
    {
        if (!s_missing.TryGetValue(id, out string? reason))
        {
            try
            {
                return ComputeDevice.Create(id);
            }
            catch (DeviceNotFoundException exception)
            {
                reason = exception.Message;
                s_missing.Add(id, reason);
            }
        }

        if (IsRequired(id))
            throw new AssertFailedException($"{RequireVariable} asks for '{id}', but: {reason}");
        throw new AssertInconclusiveException($"Skipped: {reason}");
    }

    public static void DisposeAll()
    {
        foreach (ComputeDevice device in s_open.Values)
            device.Dispose();
        s_open.Clear();
    }

    private static bool IsRequired(string id)
    {
        string required = Environment.GetEnvironmentVariable(RequireVariable) ?? string.Empty;
        return required.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Contains(id, StringComparer.OrdinalIgnoreCase);
    }
}
