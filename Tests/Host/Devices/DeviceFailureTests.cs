using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host.Devices;

/// <summary>What users see when a driver reports an error.</summary>
[TestClass]
public sealed class DeviceFailureTests
{
    [TestMethod]
    [DataRow("Synchronize")]
    [DataRow("Free")]
    [DataRow("Dispose")]
    public void Closing_a_failed_device_does_not_hide_the_exception_on_the_way_out(string where)
    {
        var backend = new FakeBackend();
        var error = Assert.ThrowsExactly<InvalidDataException>(() =>
        {
            using ComputeDevice device = FakeBackend.Open(backend);
            using StepScope step = device.BeginStep();
            Tensor.From(device, [1], [1f]);
            FailIn(backend, where);
            throw new InvalidDataException("the user's own");
        });
        Assert.AreEqual("the user's own", error.Message);
        FailIn(backend, where);
        FakeBackend.Open(backend).Dispose();
    }

    [TestMethod]
    public void Waiting_for_a_failed_device_says_which_and_what_the_driver_said()
    {
        var backend = new FakeBackend();
        using ComputeDevice device = FakeBackend.Open(backend);
        using Tensor tensor = Tensor.From(device, [1], [1f]);
        FailIn(backend, "Synchronize", "Read", "Write", "Allocate");
        foreach (Action action in new Action[] { device.Synchronize, () => tensor.ToArray(), () => tensor.Write([2f]), () => Tensor.Empty(device, [1000]) })
        {
            var error = Assert.ThrowsExactly<DeviceFailedException>(action);
            Assert.Contains("fake (test) failed while", error.Message);
            Assert.Contains("illegal address", error.Message);
            Assert.IsInstanceOfType<FakeBackend.DriverException>(error.InnerException);
        }

        backend.Before = static _ => { };
        Assert.AreEqual(1f, tensor.ToArray()[0]);
    }

    [TestMethod]
    public void An_illegal_address_is_not_taken_for_a_lack_of_room()
    {
        var backend = new FakeBackend();
        using ComputeDevice device = FakeBackend.Open(backend);
        Tensor.Empty(device, [500]).Dispose();
        long held = device.Statistics.BytesAllocated;
        FailIn(backend, "Allocate");
        Assert.ThrowsExactly<DeviceFailedException>(() => Tensor.Empty(device, [1000]));
        Assert.AreEqual(held, device.Statistics.BytesAllocated, "Nothing was given back for it.");
    }

    [TestMethod]
    public void A_lack_of_room_is_met_with_what_lies_idle_and_else_said()
    {
        var backend = new FakeBackend();
        using ComputeDevice device = FakeBackend.Open(backend);
        Tensor.Empty(device, [500]).Dispose();
        int refusals = 1;
        backend.Before = what =>
        {
            if (what == "Allocate" && refusals-- > 0)
                throw new FakeBackend.DriverException("out of memory", noRoom: true);
        };
        using (Tensor tensor = Tensor.Empty(device, [1000]))
            Assert.AreEqual(MemoryPool.RoundUp(4000), device.Statistics.BytesAllocated, "The idle block was given back.");

        // As it is, then without the idle blocks, then after a collection.
        refusals = 3;
        var error = Assert.ThrowsExactly<InsufficientMemoryException>(() => Tensor.Empty(device, [2000]));
        Assert.Contains("no room", error.Message);
    }

    [TestMethod]
    public void Long_tensors_are_written_and_read_in_pieces()
    {
        var backend = new FakeBackend { CopyLimit = 1000 };
        using ComputeDevice device = FakeBackend.Open(backend);
        float[] values = [.. Enumerable.Range(0, 1237).Select(static i => (float)i)];
        using Tensor tensor = Tensor.From(device, [1237], values);
        Assert.AreEqual(5, backend.Copies);
        CollectionAssert.AreEqual(values, tensor.ToArray());
        using Tensor slice = tensor.Slice(237, [1000]);
        CollectionAssert.AreEqual(values[237..], slice.ToArray());
        using Tensor ids = Tensor.From(device, [300], Enumerable.Range(0, 300).Select(static i => (long)i << 33).ToArray());
        CollectionAssert.AreEqual(Enumerable.Range(0, 300).Select(static i => (long)i << 33).ToArray(), ids.ToInt64Array());
    }

    private static void FailIn(FakeBackend backend, params string[] where) => backend.Before = what =>
    {
        if (where.Contains(what))
            throw new FakeBackend.DriverException("an illegal address was encountered");
    };
}
