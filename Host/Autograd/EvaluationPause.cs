namespace GpuTransformer.Host;

/// <summary>What stands between the training scopes of a device while dropout is switched off.</summary>
internal sealed class EvaluationPause(ComputeDevice device, OpenFrame? frame) : IDeviceDuty
{
    public OpenFrame? Frame { get; } = frame;

    public void Dispose()
    {
        device.Turns.Perform(this);
        device.Turns.ForgetClosed();
    }

    void IDeviceDuty.Perform() => device.CloseTraining(this);
}
