using System.Runtime.CompilerServices;

namespace GpuTransformer.Host;

/// <summary>The checks that operators share. Each throws before anything is launched and names the argument, what it is and what it should be.</summary>
internal static class Arguments
{
    /// <summary>The tensor is on <paramref name="device"/>, alive, and (if given) of the data type.</summary>
    public static void Check(ComputeDevice device, Tensor tensor, DType? dtype = null, [CallerArgumentExpression(nameof(tensor))] string? name = null)
    {
        ArgumentNullException.ThrowIfNull(tensor, name);
        ObjectDisposedException.ThrowIf(tensor.IsDisposed, tensor);
        if (!ReferenceEquals(tensor.Device, device))
            throw new ArgumentException($"'{name}' is on {tensor.Device}, but the operation runs on {device}. Copy it there first.", name);
        if (dtype is { } wanted && tensor.DType != wanted)
            throw new ArgumentException($"'{name}' holds {tensor.DType}, but {wanted} is needed.", name);
    }

    /// <summary>The tensor holds real numbers, and is checked as above.</summary>
    public static void CheckFloating(ComputeDevice device, Tensor tensor, [CallerArgumentExpression(nameof(tensor))] string? name = null)
    {
        Check(device, tensor, null, name);
        if (!tensor.DType.IsFloatingPoint())
            throw new ArgumentException($"'{name}' holds {tensor.DType}, but real numbers (Float32, Float16 or BFloat16) are needed.", name);
    }

    /// <summary>The tensor holds real numbers and has a last axis, over which an operator of rows works.</summary>
    public static void CheckRows(Tensor tensor, [CallerArgumentExpression(nameof(tensor))] string? name = null)
    {
        ArgumentNullException.ThrowIfNull(tensor, name);
        CheckFloating(tensor.Device, tensor, name);
        if (tensor.Shape.Rank == 0)
            throw new ArgumentException($"'{name}' is a scalar, but an axis of features is needed.", name);
    }

    /// <summary>The tensor has this shape.</summary>
    public static void CheckShape(Tensor tensor, Shape expected, string meaning, [CallerArgumentExpression(nameof(tensor))] string? name = null)
    {
        if (tensor.Shape != expected)
            throw new ArgumentException($"'{name}' has shape {tensor.Shape}, but {meaning} needs {expected}.", name);
    }

    /// <summary>The tensor has this shape. What needs it is formatted only where it has not.</summary>
    public static void CheckShape(
        Tensor tensor,
        Shape expected,
        [InterpolatedStringHandlerArgument(nameof(tensor), nameof(expected))] ref ShapeReason meaning,
        [CallerArgumentExpression(nameof(tensor))] string? name = null)
    {
        if (meaning.IsWrong)
            throw new ArgumentException($"'{name}' has shape {tensor.Shape}, but {meaning.Format()} needs {expected}.", name);
    }

    /// <summary>The mask has one flag for each row of the tensor.</summary>
    public static void CheckRowMask(Tensor rows, Tensor rowMask, [CallerArgumentExpression(nameof(rowMask))] string name = "")
    {
        Check(rows.Device, rowMask, DType.Bool, name);
        if (rowMask.Shape != new Shape(rows.Shape.Lengths[..^1]))
            throw Wrong(name, $"has shape {rowMask.Shape}, but {rows.Shape} needs one flag for each row: {new Shape(rows.Shape.Lengths[..^1])}.");
    }

    /// <summary>An exception for an argument of the wrong shape.</summary>
    public static ArgumentException Wrong(string name, string what) => new($"'{name}' {what}", name);
}
