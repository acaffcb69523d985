using System.Runtime.CompilerServices;
using ILGPU;

namespace GpuTransformer.Host.CustomKernels;

/// <summary>
/// Gives a launch its views of tensors: float for <see cref="DType.Float32"/>, int for <see cref="DType.Int32"/>, long for <see cref="DType.Int64"/>, byte for
/// <see cref="DType.Bool"/> and ushort for the bits of <see cref="DType.Float16"/> and <see cref="DType.BFloat16"/>. A view is row-major and belongs to this
/// launch alone. What is left <c>default</c> is an empty view.
/// </summary>
public readonly ref struct KernelTensors
{
    private readonly ComputeDevice _device;

    internal KernelTensors(ComputeDevice device) => _device = device;

    /// <summary>The elements of a tensor that the kernel only reads.</summary>
    /// <exception cref="ArgumentException">The tensor is on another device, or does not hold <typeparamref name="T"/>; nothing is launched.</exception>
    /// <exception cref="ObjectDisposedException">It was disposed; nothing is launched.</exception>
    public ArrayView<T> Read<T>(Tensor tensor, [CallerArgumentExpression(nameof(tensor))] string? name = null)
        where T : unmanaged
    {
        Check<T>(tensor, name);
        return tensor.CustomView<T>();
    }

    /// <summary>
    /// The elements of a tensor that the kernel writes, and may read. It counts as written in place: a tape that has saved it before refuses to go back.
    /// </summary>
    /// <exception cref="ArgumentException">As for <see cref="Read"/>.</exception>
    /// <exception cref="ObjectDisposedException">As for <see cref="Read"/>.</exception>
    public ArrayView<T> Write<T>(Tensor tensor, [CallerArgumentExpression(nameof(tensor))] string? name = null)
        where T : unmanaged
    {
        Check<T>(tensor, name);
        tensor.MarkWrittenByKernel();
        return tensor.CustomView<T>();
    }

    private void Check<T>(Tensor tensor, string? name)
        where T : unmanaged
    {
        if (_device is null)
            throw new InvalidOperationException($"{nameof(KernelTensors)} is handed out by a launch.");
        Arguments.Check(_device, tensor, null, name);
        bool fits = tensor.DType switch
        {
            DType.Float32 => typeof(T) == typeof(float),
            DType.Int32 => typeof(T) == typeof(int),
            DType.Int64 => typeof(T) == typeof(long),
            DType.Bool => typeof(T) == typeof(byte),
            _ => typeof(T) == typeof(ushort),
        };
        if (!fits)
        {
            throw new ArgumentException(
                $"'{name}' holds {tensor.DType}, but a view of {typeof(T).Name} is asked for: "
                + "Single is for Float32, Int32 for Int32, Int64 for Int64, Byte for Bool, UInt16 for the bits of Float16 and "
                + $"BFloat16. {nameof(Operators)}.{nameof(Operators.Cast)} converts real numbers.",
                name);
        }
    }
}

/// <summary>Makes a kernel's parameters from the tensors of a launch.</summary>
/// <param name="tensors">Gives the views.</param>
public delegate TKernel KernelArguments<out TKernel>(KernelTensors tensors)
    where TKernel : struct;
