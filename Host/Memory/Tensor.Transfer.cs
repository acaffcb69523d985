namespace GpuTransformer.Host;

public sealed partial class Tensor
{
    // What is copied between devices goes through the host in pieces of this many bytes.
    private const int TransferBytes = 1 << 26;

    /// <summary>Overwrites a tensor of <see cref="DType.Int64"/>. Waits for earlier work on the device.</summary>
    /// <exception cref="ArgumentException">The number of values is not the shape's, or the data type is another.</exception>
    public void Write(ReadOnlySpan<long> values)
    {
        CheckWrite(values.Length, "long", DType == DType.Int64, nameof(values));
        WriteBits(values);
    }

    /// <summary>Overwrites a tensor of <see cref="DType.Bool"/>. Waits for earlier work on the device.</summary>
    /// <exception cref="ArgumentException">The number of values is not the shape's, or the data type is another.</exception>
    public void Write(ReadOnlySpan<bool> values)
    {
        CheckWrite(values.Length, "bool", DType == DType.Bool, nameof(values));
        WriteBits(values);
    }

    /// <summary>Overwrites a tensor of <see cref="DType.Float16"/>. Waits for earlier work on the device.</summary>
    /// <exception cref="ArgumentException">The number of values is not the shape's, or the data type is another.</exception>
    public void Write(ReadOnlySpan<Half> values)
    {
        CheckWrite(values.Length, "Half", DType == DType.Float16, nameof(values));
        WriteBits(values);
    }

    /// <summary>Overwrites a tensor of <see cref="DType.BFloat16"/> or <see cref="DType.Float16"/> with bits. Waits for earlier work on the device.</summary>
    /// <exception cref="ArgumentException">The number of values is not the shape's, or the data type is another.</exception>
    public void Write(ReadOnlySpan<ushort> bits)
    {
        CheckWrite(bits.Length, "16-bit", DType is DType.BFloat16 or DType.Float16, nameof(bits));
        WriteBits(bits);
    }

    /// <summary>The number in a tensor that has one; integers and booleans are converted. Waits for the device.</summary>
    /// <exception cref="InvalidOperationException">The tensor has another number of elements.</exception>
    public float Item()
        => Shape.Count == 1
            ? ToArray()[0]
            : throw new InvalidOperationException($"A tensor of shape {Shape} has {Shape.Count:N0} elements, but Item reads the only one. Use ToArray.");

    /// <summary>
    /// This tensor if <paramref name="device"/> is its own, or else a copy there, bit for bit, through the host; waits for both devices. The copy is a leaf: a
    /// tape records the work of one device, so no gradient comes back by itself. To carry it over, set <see cref="RequiresGradient"/> on the copy, and after
    /// its device's backward pass give <c>copy.Gradient.To(source.Device)</c> to the source's tape as the gradient of the source.
    /// </summary>
    public Tensor To(ComputeDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        if (ReferenceEquals(device, Device))
            return this;
        switch (DType)
        {
            // What is known of ids is known of the copy.
            case DType.Int32:
                return From(device, Shape, ReadBits<int>());
            case DType.Int64:
                return From(device, Shape, ReadBits<long>());
            default:
                Tensor copy = Empty(device, Shape, DType);
                CopyTo(copy, new byte[Math.Min(Bytes, TransferBytes)]);
                return copy;
        }
    }

    private void CopyTo(Tensor copy, byte[] piece)
    {
        using DeviceTurn turn = Device.Enter(), otherTurn = copy.Device.Enter();
        Device.Statistics.CountRead();
        copy.Buffer.Integers = null;
        for (long start = 0; start < Bytes; start += piece.Length)
        {
            Span<byte> bytes = piece.AsSpan(0, (int)Math.Min(piece.Length, Bytes - start));
            Device.Read(Allocation, _offset + start, bytes);
            copy.Device.Write<byte>(copy.Allocation, start, bytes);
        }
    }

    private void CheckWrite(int count, string type, bool fits, string name)
    {
        CheckCount(Shape, count, name);
        if (!fits)
            throw new ArgumentException($"A tensor of {DType} cannot be written from {type} values.", name);
    }
}
