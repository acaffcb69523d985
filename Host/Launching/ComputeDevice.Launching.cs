using System.Diagnostics;
using System.Reflection;
using GpuTransformer.Kernels;
using ILGPU;
using ILGPU.Runtime;

namespace GpuTransformer.Host;

/// <summary>Kernels: which are loaded, and how they are launched.</summary>
public sealed partial class ComputeDevice
{
    private readonly Dictionary<MethodInfo, Delegate> _kernels = [];

    /// <summary>
    /// The name of the variant to use where an operator has it, in place of the dispatcher's choice; null for the dispatcher's choice.
    /// For comparisons: results differ only in rounding.
    /// </summary>
    /// <exception cref="ArgumentException">No operator of the <see cref="KernelCatalog"/> has a variant of that name.</exception>
    public string? PreferredVariant
    {
        get;
        set => field = value is null ? null : KernelCatalog.CheckVariant(value, nameof(PreferredVariant));
    }

    /// <summary>Receives what every operator costs while it is set; each call then waits for the device. Null, the default, costs nothing.</summary>
    public OperatorProfile? Profile { get; set; }

    /// <summary>The kernels that were launched so far.</summary>
    internal IReadOnlyCollection<MethodInfo> LoadedKernels => _kernels.Keys;

    /// <summary>
    /// The most threads that one launch has; a larger grid is launched in parts. ILGPU counts the threads of an OpenCL grid in 32 bits. Tests set less.
    /// </summary>
    internal int LongestLaunch { get; set; } = int.MaxValue;

    /// <summary>
    /// Queues a Portable or TensorCore kernel, whose groups are numbered from zero on. The first launch of a kernel compiles it for this device.
    /// </summary>
    /// <exception cref="NotSupportedException">There are more groups than an Int32 can number; nothing was launched.</exception>
    internal void Launch<TParameters>(Action<TParameters> kernel, long groups, int groupSize, in TParameters parameters)
        where TParameters : struct, IGridKernel
    {
        using DeviceTurn turn = Enter();
        if (groups == 0)
            return;
        if (groups > int.MaxValue)
        {
            throw new NotSupportedException(
                $"{kernel.Method.DeclaringType?.Name} would need {groups} groups of threads, but at most {int.MaxValue} can be numbered. Use smaller batches.");
        }

        RememberLaunch(kernel.Method);
        if (!_kernels.TryGetValue(kernel.Method, out Delegate? loaded))
        {
            using Activity? activity = Diagnostics.Activities.StartActivity("kernel.compile");
            activity?.SetTag("kernel", kernel.Method.DeclaringType?.Name);
            long start = Stopwatch.GetTimestamp();
            loaded = ((IlgpuBackend)Backend).Load(kernel);
            _kernels.Add(kernel.Method, loaded);
            Statistics.CountCompile(Stopwatch.GetElapsedTime(start));
        }

        int most = Math.Max(1, LongestLaunch / groupSize);
        TParameters part = parameters;
        for (long first = 0; first < groups; first += most)
        {
            part.FirstGroup = (int)first;
            Statistics.CountLaunch();
            ((Action<KernelConfig, TParameters>)loaded)(new KernelConfig((int)Math.Min(most, groups - first), groupSize), part);
        }
    }

    /// <summary>Runs a Vectorized kernel on all cores and waits for it.</summary>
    internal void Launch<TKernel>(int blocks, in TKernel kernel)
        where TKernel : unmanaged, IBlockKernel
    {
        using DeviceTurn turn = Enter();
        Statistics.CountLaunch();
        ((CpuBackend)Backend).Workers.Run(blocks, kernel);
    }

    /// <summary>How many threads a Vectorized kernel can use; 1 on other devices.</summary>
    internal int Workers => Backend is CpuBackend cpu ? cpu.Workers.Count : 1;
}
