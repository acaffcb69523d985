using GpuTransformer.Host;

namespace GpuTransformer.Tests;

/// <summary>Devices that several threads open at once, as the first thing that a process does: drivers and ILGPU set themselves up then.</summary>
[TestClass]
public sealed class ConcurrentCreateTests
{
    private const string Discover = "discover";

    [TestMethod]
    [TestCategory("Slow")]
    [DataRow("opencl,opencl", 10)]
    [DataRow("cuda,cuda", 2)]
    [DataRow("opencl,cuda,opencl,cpu,simulator,opencl,cuda,discover", 3)]
    public void The_first_devices_of_a_process_may_be_opened_at_once(string ids, int processes)
    {
        string here = Here(ids.Split(','));
        var failures = new List<string>();
        for (int i = 0; i < processes; i++)
        {
            (int code, string output) = ChildProcess.Run(OpenAll, here);
            if (code != 0)
                failures.Add($"exit code {code}: {output}");
        }

        Assert.IsEmpty(failures, $"{failures.Count} of {processes} processes failed with {here}: {failures.FirstOrDefault()}");
    }

    // A mixture does with what there is of it; where there is nothing, the row is skipped.
    private static string Here(string[] ids)
    {
        List<string> here = [.. ids.Where(static id => id == Discover || IsHere(id))];
        if (here.Count == 0)
            TestDevices.Get(ids[0]);
        return string.Join(',', here);
    }

    private static bool IsHere(string id)
    {
        try
        {
            TestDevices.Get(id);
            return true;
        }
        catch (AssertInconclusiveException)
        {
            return false;
        }
    }

    /// <summary>
    /// Opens a device on a thread for each id, all at the same moment, works on it and closes it; twice, so that opening and closing meet too.
    /// </summary>
    private static void OpenAll(string ids)
    {
        string[] threads = ids.Split(',');
        using var start = new Barrier(threads.Length);
        var failures = new List<Exception>();
        Thread[] running = [.. threads.Select(id => new Thread(() => OpenTwice(id)))];
        foreach (Thread thread in running)
            thread.Start();
        foreach (Thread thread in running)
            thread.Join();
        if (failures.Count > 0)
            throw new AggregateException(failures);

        void OpenTwice(string id)
        {
            for (int round = 0; round < 2; round++)
            {
                start.SignalAndWait();
                try
                {
                    Open(id);
                }
                catch (Exception exception)
                {
                    lock (failures)
                        failures.Add(exception);
                }
            }
        }
    }

    private static void Open(string id)
    {
        if (id == Discover)
        {
            Assert.IsTrue(ComputeDevice.Discover().Any(static d => d.Kind == DeviceKind.Cpu));
            return;
        }

        using ComputeDevice device = ComputeDevice.Create(id);
        using Tensor x = Tensor.From(device, [1, 4], [1f, 2f, 3f, 4f]);
        using Tensor y = Operators.Add(x, x);
        CollectionAssert.AreEqual(new[] { 2f, 4f, 6f, 8f }, y.ToArray());
    }
}
