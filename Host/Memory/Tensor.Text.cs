using System.Diagnostics;

namespace GpuTransformer.Host;

// A debugger that shows a variable must not wait for the device.
[DebuggerDisplay("{Description,nq}")]
public sealed partial class Tensor
{
    /// <summary>
    /// The numbers as PyTorch prints them, with data type and device behind them: four decimals, or powers of ten where magnitudes differ by more than a factor
    /// of a thousand; of more than 1,000 elements, three from either end of each axis. They are read from the device, so this waits for it. Never throws: a
    /// tensor that was disposed or cannot be read says so in place of numbers.
    /// </summary>
    public override string ToString()
    {
        if (IsDisposed)
            return Description;
        try
        {
            return TensorText.Of(this);
        }
        catch (Exception exception) when (exception is ObjectDisposedException or DeviceInUseException or DeviceFailedException or InsufficientMemoryException)
        {
            return $"{Description} (not readable: {exception.Message})";
        }
    }

    /// <summary>Data type, shape and device, for messages; reads nothing.</summary>
    internal string Description => $"{DType} {Shape} on {Device.Id}{(IsDisposed ? " (disposed)" : string.Empty)}";
}
