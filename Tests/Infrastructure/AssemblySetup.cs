// One test at a time: devices are shared and belong to one thread at a time, and each test already uses all cores through its device.
[assembly: DoNotParallelize]

namespace GpuTransformer.Tests;

/// <summary>What happens once per test run.</summary>
[TestClass]
public static class AssemblySetup
{
    [AssemblyCleanup]
    public static void CloseDevices() => TestDevices.DisposeAll();
}
