namespace GpuTransformer.Host;

/// <summary>
/// Something to put away between two operations of a device, by whichever thread can: a closed step, memory that is given back, the device itself.
/// </summary>
internal interface IDeviceDuty
{
    /// <summary>Puts it away. Throws nothing: it may run on a thread that has nothing to do with it.</summary>
    void Perform();
}
