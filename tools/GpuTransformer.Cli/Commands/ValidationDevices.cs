using GpuTransformer.Host;

namespace GpuTransformer.Cli.Commands;

/// <summary>
/// The devices that one <c>validate</c> works on. Asking for the processor brings the simulator along: only there can the logic of the Portable kernels
/// be checked on a machine without a GPU.
/// </summary>
internal sealed class ValidationDevices : IDisposable
{
    private readonly List<ComputeDevice> _devices = [];

    public ValidationDevices(string? id)
    {
        try
        {
            if (id == "all")
            {
                foreach (DeviceDescription description in ComputeDevice.Discover().Where(static d => d.IsAvailable && d.Kind != DeviceKind.Simulator))
                    _devices.Add(ComputeDevice.Create(description.Id));
            }
            else
            {
                _devices.Add(ComputeDevice.Create(id));
            }

            if (_devices.Any(static d => d.Kind == DeviceKind.Cpu))
                _devices.Add(ComputeDevice.Create("simulator"));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public IReadOnlyList<ComputeDevice> All => _devices;

    public void Dispose()
    {
        foreach (ComputeDevice device in _devices)
            device.Dispose();
    }
}
