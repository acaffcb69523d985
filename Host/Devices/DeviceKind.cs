namespace GpuTransformer.Host;

/// <summary>What runs the kernels.</summary>
public enum DeviceKind
{
    /// <summary>This machine's processor, with the Vectorized kernels on all cores.</summary>
    Cpu,

    /// <summary>An OpenCL device: AMD, Intel, NVIDIA, or a processor through PoCL.</summary>
    OpenCl,

    /// <summary>An NVIDIA GPU.</summary>
    Cuda,

    /// <summary>ILGPU's CPU accelerator, one thread per GPU thread: for checking the logic of GPU kernels on tiny shapes, never for work.</summary>
    Simulator,
}
