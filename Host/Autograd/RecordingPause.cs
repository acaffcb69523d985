namespace GpuTransformer.Host;

/// <summary>What stands between the tapes of a device while recording is paused.</summary>
internal sealed class RecordingPause(ComputeDevice device, OpenFrame? frame) : IDeviceDuty
{
    public OpenFrame? Frame { get; } = frame;

    public void Dispose()
    {
        device.Turns.Perform(this);
        device.Turns.ForgetClosed();
    }

    void IDeviceDuty.Perform() => device.CloseRecording(this);
}
