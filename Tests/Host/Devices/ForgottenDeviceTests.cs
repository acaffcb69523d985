using System.Diagnostics;
using System.Runtime.CompilerServices;
using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host.Devices;

/// <summary>Devices that nobody disposes.</summary>
[TestClass]
public sealed class ForgottenDeviceTests
{
    [TestMethod]
    public void Their_threads_end_when_the_garbage_collector_finds_them()
    {
        Process process = Process.GetCurrentProcess();
        int before = process.Threads.Count;
        Forget(20);
        process.Refresh();
        Assert.IsGreaterThanOrEqualTo(before + 20, process.Threads.Count);

        // The threads end some time after their finalizers ran.
        var limit = Stopwatch.StartNew();
        do
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            Thread.Sleep(10);
            process.Refresh();
        }
        while (process.Threads.Count >= before + 10 && limit.Elapsed < TimeSpan.FromSeconds(30));
        Assert.IsLessThan(before + 10, process.Threads.Count);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Forget(int devices)
    {
        for (int i = 0; i < devices; i++)
        {
            ComputeDevice device = ComputeDevice.Create("cpu", new ComputeDeviceOptions { Threads = 3 });
            Tensor x = Tensor.Zeros(device, [64, 64]);
            Operators.Add(x, x);
        }
    }
}
