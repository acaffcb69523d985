using GpuTransformer.Host;

namespace GpuTransformer.Tests;

[TestClass]
public sealed class DeviceRequestTests
{
    [TestMethod]
    [DataRow("cuda", DeviceKind.Cuda, null)]
    [DataRow("cuda:1", DeviceKind.Cuda, 1)]
    [DataRow("OpenCL:12", DeviceKind.OpenCl, 12)]
    [DataRow(" opencl ", DeviceKind.OpenCl, null)]
    [DataRow("cpu", DeviceKind.Cpu, null)]
    [DataRow("simulator", DeviceKind.Simulator, null)]
    public void Ids_name_a_kind_and_perhaps_a_number(string id, DeviceKind kind, int? ordinal)
        => Assert.AreEqual(new DeviceRequest(kind, ordinal), DeviceRequest.Parse(id));

    [TestMethod]
    [DataRow("")]
    [DataRow("gpu")]
    [DataRow("cuda:")]
    [DataRow("cuda:-1")]
    [DataRow("cuda:+1")]
    [DataRow("cuda:1:2")]
    [DataRow("cuda:99999999999")]
    [DataRow("cpu:0")]
    [DataRow("simulator:0")]
    public void Anything_else_is_refused_with_the_list_of_ids(string id)
    {
        var exception = Assert.ThrowsExactly<DeviceNotFoundException>(() => DeviceRequest.Parse(id));
        StringAssert.Contains(exception.Message, $"'{id}'");
        StringAssert.Contains(exception.Message, "opencl:N");
    }

    [TestMethod]
    public void No_id_asks_for_the_best() => Assert.IsNull(DeviceRequest.Parse(null).Kind);

    [TestMethod]
    [DataRow("cuda:3")]
    [DataRow("opencl")]
    [DataRow("cpu")]
    public void Writing_an_id_gives_what_was_read(string id) => Assert.AreEqual(id, DeviceRequest.Parse(id).ToString());
}
