using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using GpuTransformer.Kernels;
using ILGPU;
using ILGPU.Runtime;

namespace GpuTransformer.Host;

/// <summary>
/// A dense row-major array on one device. A tensor made within a step (<see cref="ComputeDevice.BeginStep()"/>) belongs to the step; any other belongs to its
/// maker, who disposes it. Views made by <see cref="Reshape"/> share memory, which lives as long as the last of them. Memory of tensors that nobody has any
/// more goes back to the pool once the garbage collector has found them: later than need be, but not never.
/// </summary>
public sealed partial class Tensor : IDisposable, IDeviceDuty
{
    private readonly long _offset;
    private DeviceBuffer? _buffer;
    private bool _disposed;

    private Tensor(ComputeDevice device, Shape shape, DType dtype, DeviceBuffer buffer, long offset, bool scoped)
    {
        Device = device;
        Shape = shape;
        DType = dtype;
        _buffer = buffer;
        _offset = offset;
        buffer.AddReference();
        device.Statistics.CountTensors(1);
        if (scoped && device.Execution.Memory is { } owner)
        {
            Scope = owner.Number;
            owner.Tensors.Add(this);
        }
        else
        {
            device.Statistics.CountOutsideScopes(1);
        }
    }

    /// <summary>Where the numbers are.</summary>
    public ComputeDevice Device { get; }

    /// <summary>The axis lengths.</summary>
    public Shape Shape { get; }

    /// <summary>What is stored.</summary>
    public DType DType { get; }

    /// <summary>Whether the memory was given back.</summary>
    public bool IsDisposed => Volatile.Read(ref _disposed);

    /// <summary>The number of the level that owns it; 0 where its holder does.</summary>
    internal long Scope { get; set; }

    internal long Bytes => Shape.Count * DType.SizeInBytes();

    /// <summary>A tensor whose contents are undefined until written.</summary>
    public static Tensor Empty(ComputeDevice device, Shape shape, DType dtype = DType.Float32) => Create(device, shape, dtype, scoped: true);

    /// <summary>A tensor of zeros.</summary>
    public static Tensor Zeros(ComputeDevice device, Shape shape, DType dtype = DType.Float32)
    {
        ArgumentNullException.ThrowIfNull(device);
        using DeviceTurn turn = device.Enter();
        Tensor tensor = Empty(device, shape, dtype);
        device.Clear(tensor.Allocation, tensor.Bytes);
        return tensor;
    }

    /// <summary>A tensor that no scope disposes: for parameters, optimizer state and whatever else outlives a step.</summary>
    public static Tensor Persistent(ComputeDevice device, Shape shape, DType dtype = DType.Float32)
    {
        ArgumentNullException.ThrowIfNull(device);
        using DeviceTurn turn = device.Enter();
        Tensor tensor = Create(device, shape, dtype, scoped: false);
        device.Execution.Construction?.Tensors.Add(tensor);
        return tensor;
    }

    /// <summary>As <see cref="Persistent"/>, cleared on the device: nothing is uploaded.</summary>
    public static Tensor PersistentZeros(ComputeDevice device, Shape shape, DType dtype = DType.Float32)
    {
        ArgumentNullException.ThrowIfNull(device);
        using DeviceTurn turn = device.Enter();
        Tensor tensor = Persistent(device, shape, dtype);
        device.Clear(tensor.Allocation, tensor.Bytes);
        return tensor;
    }

    /// <summary>Copies <paramref name="values"/> (row-major) to a new tensor, rounding to <paramref name="dtype"/>.</summary>
    /// <exception cref="ArgumentException">The number of values is not the shape's, or <paramref name="dtype"/> is not floating-point.</exception>
    public static Tensor From(ComputeDevice device, Shape shape, ReadOnlySpan<float> values, DType dtype = DType.Float32)
    {
        CheckCount(shape, values.Length, nameof(values));
        if (!dtype.IsFloatingPoint())
            throw new ArgumentException($"A tensor of {dtype} cannot be written from float values.", nameof(dtype));
        ArgumentNullException.ThrowIfNull(device);
        using DeviceTurn turn = device.Enter();
        Tensor tensor = Empty(device, shape, dtype);
        tensor.Write(values);
        return tensor;
    }

    /// <summary>Copies token ids to a new <see cref="DType.Int32"/> tensor.</summary>
    public static Tensor From(ComputeDevice device, Shape shape, ReadOnlySpan<int> values) => FromBits(device, shape, DType.Int32, values);

    /// <summary>Copies token ids to a new <see cref="DType.Int64"/> tensor.</summary>
    public static Tensor From(ComputeDevice device, Shape shape, ReadOnlySpan<long> values) => FromBits(device, shape, DType.Int64, values);

    /// <summary>Copies a mask to a new <see cref="DType.Bool"/> tensor; true means attend or keep.</summary>
    public static Tensor From(ComputeDevice device, Shape shape, ReadOnlySpan<bool> values) => FromBits(device, shape, DType.Bool, values);

    /// <summary>Copies a dense shaped span to a new tensor, rounding to <paramref name="dtype"/>.</summary>
    /// <exception cref="ArgumentException"><paramref name="values"/> is not dense.</exception>
    public static Tensor From(ComputeDevice device, in ReadOnlyTensorSpan<float> values, DType dtype = DType.Float32)
    {
        if (!values.IsDense)
            throw new ArgumentException("The tensor span has gaps between its elements; copy it to a dense one first.", nameof(values));
        var lengths = new int[values.Rank];
        for (int axis = 0; axis < lengths.Length; axis++)
            lengths[axis] = checked((int)values.Lengths[axis]);
        var flat = new float[checked((int)values.FlattenedLength)];
        values.FlattenTo(flat);
        return From(device, lengths, flat, dtype);
    }

    /// <summary>The same numbers under another shape of the same count; shares the memory.</summary>
    /// <exception cref="ArgumentException">The counts differ.</exception>
    public Tensor Reshape(Shape shape)
    {
        if (shape.Count != Shape.Count)
            throw new ArgumentException(
                $"A tensor of shape {Shape} ({Shape.Count} elements) cannot be viewed as {shape} ({shape.Count} elements).", nameof(shape));
        using DeviceTurn turn = Device.Enter();
        var view = new Tensor(Device, shape, DType, Buffer, _offset, scoped: true);
        if (Device.Records(this))
            Device.Record(view, gradient => GradientTape.Accumulate(this, gradient));
        return view;
    }

    /// <summary>Overwrites the tensor, rounding to its data type. Waits for earlier work on the device.</summary>
    public void Write(ReadOnlySpan<float> values)
    {
        CheckCount(Shape, values.Length, nameof(values));
        switch (DType)
        {
            case DType.Float32:
                WriteBits(values);
                break;
            case DType.Float16:
                WriteBits<Float16>(FloatConversion.FromSingle<Float16>(values));
                break;
            case DType.BFloat16:
                WriteBits<BFloat16>(FloatConversion.FromSingle<BFloat16>(values));
                break;
            default:
                throw new ArgumentException($"A tensor of {DType} cannot be written from float values.", nameof(values));
        }
    }

    /// <summary>Overwrites a tensor of <see cref="DType.Int32"/>. Waits for earlier work on the device.</summary>
    public void Write(ReadOnlySpan<int> values)
    {
        CheckCount(Shape, values.Length, nameof(values));
        if (DType != DType.Int32)
            throw new ArgumentException($"A tensor of {DType} cannot be written from int values.", nameof(values));
        WriteBits(values);
    }

    /// <summary>All elements, row-major, widened to float32 (integers and booleans converted). Waits for the device.</summary>
    /// <exception cref="InvalidOperationException">There are more elements than an array can hold: 2,147,483,591.</exception>
    /// <exception cref="DeviceFailedException">The device failed, then or in earlier work.</exception>
    public float[] ToArray()
    {
        var result = new float[ArrayLength];
        CopyTo(result);
        return result;
    }

    /// <summary>Copies all elements, row-major, widened to float32. Waits for the device.</summary>
    /// <exception cref="ArgumentException">The target has another length.</exception>
    public void CopyTo(Span<float> target)
    {
        CheckCount(Shape, target.Length, nameof(target));
        switch (DType)
        {
            case DType.Float32:
                ReadBits(target);
                break;
            case DType.Float16:
                FloatConversion.ToSingle(ReadBits<Float16>(), target);
                break;
            case DType.BFloat16:
                FloatConversion.ToSingle(ReadBits<BFloat16>(), target);
                break;
            case DType.Int32:
                TensorPrimitives.ConvertChecked<int, float>(ReadBits<int>(), target);
                break;
            case DType.Int64:
                TensorPrimitives.ConvertChecked<long, float>(ReadBits<long>(), target);
                break;
            default:
                TensorPrimitives.ConvertChecked<byte, float>(ReadBits<byte>(), target);
                break;
        }
    }

    /// <summary>Copies all elements into a dense shaped span of the same shape. Waits for the device.</summary>
    /// <exception cref="ArgumentException">The shapes differ or the target is not dense.</exception>
    public void CopyTo(in TensorSpan<float> target)
    {
        bool same = target.Rank == Shape.Rank && target.IsDense;
        for (int axis = 0; same && axis < Shape.Rank; axis++)
            same = target.Lengths[axis] == Shape[axis];
        if (!same)
            throw new ArgumentException(
                $"The target must be a dense span of shape {Shape}, not [{string.Join(", ", target.Lengths.ToArray())}].", nameof(target));
        CopyTo(MemoryMarshal.CreateSpan(ref target.GetPinnableReference(), checked((int)Shape.Count)));
    }

    /// <summary>The integers of an <see cref="DType.Int32"/> or <see cref="DType.Int64"/> tensor. Waits for the device.</summary>
    public long[] ToInt64Array() => DType switch
    {
        DType.Int64 => ReadBits<long>(),
        DType.Int32 => Array.ConvertAll(ReadBits<int>(), static v => (long)v),
        _ => throw new InvalidOperationException($"The tensor holds {DType}, not integers."),
    };

    /// <summary>The flags of a <see cref="DType.Bool"/> tensor. Waits for the device.</summary>
    public bool[] ToBoolArray() => DType == DType.Bool
        ? ReadBits<bool>()
        : throw new InvalidOperationException($"The tensor holds {DType}, not booleans.");

    /// <summary>Gives the memory back to the device's pool. Doing so twice is harmless, and any thread may do so at any time.</summary>
    public void Dispose()
    {
        if (!Interlocked.Exchange(ref _disposed, true))
            Device.Turns.Perform(this);
        DropGradient();
    }

    /// <summary>Part of a duty: the same for the tensors of a step that closes.</summary>
    internal void Release()
    {
        if (!Interlocked.Exchange(ref _disposed, true))
            LeaveBuffer();
        ReleaseGradient();
    }

    void IDeviceDuty.Perform() => LeaveBuffer();

    private void LeaveBuffer()
    {
        DeviceBuffer buffer = _buffer!;
        _buffer = null;

        // Where the collector had found it, it is counted already.
        if (buffer.IsGone)
            return;
        Device.Statistics.CountTensors(-1);
        if (Scope == 0)
            Device.Statistics.CountOutsideScopes(-1);
        buffer.RemoveReference();
    }

    /// <summary>The memory as an ILGPU kernel sees it.</summary>
    internal ArrayView<T> View<T>()
        where T : unmanaged
        => ((IlgpuAllocation)Allocation).View.SubView(_offset, Bytes).Cast<T>();

    /// <summary>The memory as a kernel of one's own sees it, which is ILGPU's view on the processor too.</summary>
    internal ArrayView<T> CustomView<T>()
        where T : unmanaged
        => Allocation is CpuAllocation cpu ? CustomKernels.ProcessorMemory.View<T>(cpu, _offset, Bytes) : View<T>();

    /// <summary>Whoever hands the memory to a kernel of one's own that may write it says so: nothing is known of its numbers any more.</summary>
    internal void MarkWrittenByKernel()
    {
        Buffer.Integers = null;
        MarkWritten();
    }

    /// <summary>Whether a GPU can load four neighbouring elements at once: false for some slices.</summary>
    internal bool StartsOnQuad => _offset % (4 * DType.SizeInBytes()) == 0;

    /// <summary>The memory as a Vectorized kernel sees it.</summary>
    internal unsafe T* Pointer<T>()
        where T : unmanaged
        => (T*)((byte*)((CpuAllocation)Allocation).Pointer + _offset);

    internal DeviceAllocation Allocation => Buffer.Allocation;

    /// <summary>A stretch of this tensor's elements as a tensor of its own; shares the memory and is never recorded.</summary>
    internal Tensor Slice(long start, Shape shape)
    {
        if (start < 0 || start + shape.Count > Shape.Count)
            throw new ArgumentOutOfRangeException(nameof(start), start, $"{shape} from element {start} on is not within {Shape}.");
        using DeviceTurn turn = Device.Enter();
        return new Tensor(Device, shape, DType, Buffer, _offset + start * DType.SizeInBytes(), scoped: true);
    }

    /// <summary>Another handle on the same memory that no scope disposes.</summary>
    internal Tensor Share()
    {
        using DeviceTurn turn = Device.Enter();
        return new Tensor(Device, Shape, DType, Buffer, _offset, scoped: false);
    }

    private DeviceBuffer Buffer
    {
        get
        {
            Device.ThrowIfDisposed();
            DeviceBuffer? buffer = _buffer;
            if (buffer is null || _disposed)
                throw new ObjectDisposedException(nameof(Tensor), $"The tensor {Shape} was disposed; its step may have closed.");
            buffer.LastOperation = Device.Turns.Operation;
            return buffer;
        }
    }

    /// <summary>
    /// Whether a tensor of integers may hold <paramref name="value"/>, as far as that is known without reading it: false where the host wrote the numbers and
    /// the value lies outside their range, true wherever that is not certain. Never waits for the device.
    /// </summary>
    public bool MayHold(long value) => KnownIntegers is not { } known || (value >= known.Least && value <= known.Largest);

    /// <summary>What is known of this tensor's integers without reading them: the host wrote them, and nothing was written since.</summary>
    internal WrittenIntegers? KnownIntegers => Buffer.Integers is { } known && known.Start <= _offset && known.End >= _offset + Bytes ? known : null;

    /// <summary>How often the memory was written in place; a tape compares it.</summary>
    internal int Version => Buffer.Version;

    /// <summary>Whoever writes into a tensor that may have been read before says so.</summary>
    internal void MarkWritten() => Buffer.Version++;

    private int ArrayLength => Shape.Count <= Array.MaxLength
        ? (int)Shape.Count
        : throw new InvalidOperationException(
            $"The tensor {Shape} has {Shape.Count:N0} elements, but an array holds {Array.MaxLength:N0} at most. Read it in parts.");

    internal void CopyBitsTo(Tensor target)
    {
        using DeviceTurn turn = Device.Enter();
        target.Buffer.Integers = null;
        target.MarkWritten();
        Device.Copy(Allocation, _offset, target.Allocation, target._offset, Bytes);
    }

    internal T[] ReadBits<T>()
        where T : unmanaged
    {
        var result = new T[ArrayLength];
        ReadBits<T>(result);
        return result;
    }

    internal void ReadBits<T>(Span<T> target)
        where T : unmanaged
    {
        using DeviceTurn turn = Device.Enter();
        Device.Statistics.CountRead();
        Device.Read(Allocation, _offset, target);
    }

    internal void WriteBits<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        using DeviceTurn turn = Device.Enter();
        Buffer.Integers = WrittenIntegers.Of(_offset, values);
        MarkWritten();
        Device.Write(Allocation, _offset, values);
    }

    private static Tensor FromBits<T>(ComputeDevice device, Shape shape, DType dtype, ReadOnlySpan<T> values)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(device);
        CheckCount(shape, values.Length, nameof(values));
        using DeviceTurn turn = device.Enter();
        Tensor tensor = Empty(device, shape, dtype);
        tensor.WriteBits(values);
        return tensor;
    }

    private static Tensor Create(ComputeDevice device, Shape shape, DType dtype, bool scoped)
    {
        ArgumentNullException.ThrowIfNull(device);
        using DeviceTurn turn = device.Enter();
        DeviceBuffer buffer = device.Rent(shape.Count * dtype.SizeInBytes());
        buffer.Trace = device.Traces?.Add(shape, dtype);
        return new Tensor(device, shape, dtype, buffer, 0, scoped);
    }

    private static void CheckCount(Shape shape, int count, string parameter)
    {
        if (count != shape.Count)
            throw new ArgumentException($"The tensor {shape} has {shape.Count} elements, but {count} were given.", parameter);
    }
}
