using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>A launch that is written by hand and generic over the storage type.</summary>
internal interface IElementLaunch<TArguments>
    where TArguments : struct
{
    /// <summary>Launches the specialisation for <typeparamref name="TElement"/>.</summary>
    static abstract void Launch<TElement>(ComputeDevice device, TArguments arguments)
        where TElement : unmanaged, IElement<TElement>;
}

/// <summary>From the data type, known at run time, to the type argument of a launch by hand; what the generator writes has the same switch.</summary>
internal static class ElementDispatch
{
    /// <summary>Calls <typeparamref name="TLaunch"/> with the element type of <paramref name="dtype"/>.</summary>
    public static void Launch<TLaunch, TArguments>(ComputeDevice device, TArguments arguments, DType dtype)
        where TLaunch : IElementLaunch<TArguments>
        where TArguments : struct
    {
        switch (dtype)
        {
            case DType.Float32:
                TLaunch.Launch<Float32>(device, arguments);
                break;
            case DType.Float16:
                TLaunch.Launch<Float16>(device, arguments);
                break;
            case DType.BFloat16:
                TLaunch.Launch<BFloat16>(device, arguments);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "Kernels compute with real numbers only.");
        }
    }
}
