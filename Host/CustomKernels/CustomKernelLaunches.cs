using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using GpuTransformer.Kernels;
using ILGPU;

namespace GpuTransformer.Host.CustomKernels;

/// <summary>
/// Launches kernels of one's own. This namespace is the only one with ILGPU's types in public; a project that writes kernels references the package ILGPU in
/// the version that this library uses.
/// </summary>
public static class CustomKernelLaunches
{
    // The same on every machine, so that a form for the processor that does depend on how pieces are put together shows it everywhere; several for each core.
    private const int ProcessorBlocks = 128;

    private const int ThreadsPerGroup = 64, MostThreads = 128;

    /// <summary>Queues a kernel of independent pieces; on the <c>cpu</c> device it waits for it.</summary>
    /// <param name="device">Where it runs.</param>
    /// <param name="count">How many pieces; with 0 nothing is launched.</param>
    /// <param name="arguments">Makes the parameters. Called once, within the operation; what it throws comes out as it is, and nothing is launched.</param>
    /// <exception cref="ArgumentException">
    /// The struct has a field that no device can be given, or is not visible to ILGPU's launchers; or a tensor does not fit. Nothing was launched.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is negative.</exception>
    /// <exception cref="NotSupportedException">ILGPU cannot compile the kernel for this device; the message says why.</exception>
    /// <exception cref="DeviceInUseException">Another thread is using the device.</exception>
    /// <exception cref="DeviceFailedException">The driver reported an error.</exception>
    public static void Launch<TKernel>(this ComputeDevice device, int count, KernelArguments<TKernel> arguments)
        where TKernel : struct, ICustomKernel<TKernel>
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        Run(device, arguments, kernel =>
        {
            if (count == 0)
                return;
            if (device.Backend is CpuBackend)
                RunBlocks(device, count, kernel, TKernel.RunOnProcessor);
            else
                device.Launch(
                    PieceGrid<TKernel>.Kernel,
                    ((long)count + ThreadsPerGroup - 1) / ThreadsPerGroup,
                    ThreadsPerGroup,
                    new PieceGrid<TKernel> { Own = kernel, Count = count });
        });
    }

    /// <summary>Queues a kernel of groups; on the <c>cpu</c> device it waits for it.</summary>
    /// <param name="device">Where it runs.</param>
    /// <param name="groups">How many groups; with 0 nothing is launched.</param>
    /// <param name="arguments">As for <see cref="Launch{TKernel}"/>.</param>
    /// <exception cref="ArgumentException">As for <see cref="Launch{TKernel}"/>; or the kernel's group size is not from 1 to 128.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="groups"/> is negative.</exception>
    /// <exception cref="NotSupportedException">As for <see cref="Launch{TKernel}"/>.</exception>
    /// <exception cref="DeviceInUseException">As for <see cref="Launch{TKernel}"/>.</exception>
    /// <exception cref="DeviceFailedException">As for <see cref="Launch{TKernel}"/>.</exception>
    public static void LaunchGroups<TKernel>(this ComputeDevice device, int groups, KernelArguments<TKernel> arguments)
        where TKernel : struct, IGroupKernel<TKernel>
    {
        ArgumentOutOfRangeException.ThrowIfNegative(groups);
        int size = TKernel.GroupSize;
        if (size is < 1 or > MostThreads)
            throw new ArgumentException(
                $"{typeof(TKernel).Name}.{nameof(TKernel.GroupSize)} = {size}, but a group has from 1 to {MostThreads} threads.", nameof(arguments));
        Run(device, arguments, kernel =>
        {
            if (groups == 0)
                return;
            if (device.Backend is CpuBackend)
                RunBlocks(device, groups, kernel, RunGroups);
            else
                device.Launch(GroupGrid<TKernel>.Kernel, groups, size, new GroupGrid<TKernel> { Own = kernel, Count = groups });
        });

        static void RunGroups(int first, int end, TKernel kernel)
        {
            for (int group = first; group < end; group++)
                TKernel.RunOnProcessor(group, kernel);
        }
    }

    private static void Run<TKernel>(ComputeDevice device, KernelArguments<TKernel> arguments, Action<TKernel> launch)
        where TKernel : struct
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(arguments);
        CustomKernelChecks<TKernel>.ThrowIfWrong();

        // From the addresses to the launch no other thread may give memory back.
        using DeviceTurn turn = device.Enter();
        TKernel kernel = arguments(new KernelTensors(device));
        try
        {
            if (device.Profile is { } profile)
                Measure(device, () => launch(kernel), profile, typeof(TKernel).Name);
            else
                launch(kernel);
        }
        catch (InternalCompilerException exception)
        {
            throw new NotSupportedException(
                $"{typeof(TKernel).Name} cannot be compiled for {device}: {(exception.InnerException ?? exception).Message}", exception);
        }
        catch (Exception exception) when (device.Backend.IsDeviceError(exception))
        {
            throw device.Failure($"launching {typeof(TKernel).Name}", exception);
        }
    }

    private static void Measure(ComputeDevice device, Action launch, OperatorProfile profile, string name)
    {
        device.Synchronize();
        long start = Stopwatch.GetTimestamp();
        launch();
        device.Synchronize();
        profile.Add(name, "Custom", Stopwatch.GetElapsedTime(start));
    }

    private static void RunBlocks<TKernel>(ComputeDevice device, int count, TKernel kernel, Action<int, int, TKernel> run)
        where TKernel : struct
    {
        int length = (int)(((long)count + ProcessorBlocks - 1) / ProcessorBlocks);
        Action<int> block = number => run(number * length, (int)Math.Min(count, (number + 1L) * length), kernel);
        GCHandle handle = GCHandle.Alloc(block);
        try
        {
            device.Launch((int)(((long)count + length - 1) / length), new ProcessorRun { Block = handle });
        }
        finally
        {
            handle.Free();
        }
    }

    /// <summary>A launch on the processor. The workers take plain data alone, so what has references goes through a handle.</summary>
    private struct ProcessorRun : IBlockKernel
    {
        public GCHandle Block;

        public readonly void Execute(int block) => Unsafe.As<Action<int>>(Block.Target!)(block);
    }
}

/// <summary>What ILGPU compiles for <see cref="ICustomKernel{TSelf}"/>: a thread for each piece.</summary>
/// <remarks>The author's struct comes last: what stands behind a struct that ends in a gap is not where ILGPU's kernels look for it.</remarks>
internal struct PieceGrid<TKernel> : IGridKernel
    where TKernel : struct, ICustomKernel<TKernel>
{
    public int Count;

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    public TKernel Own;

    public static void Kernel(PieceGrid<TKernel> p)
    {
        long index = (long)(p.FirstGroup + Grid.IdxX) * Group.DimX + Group.IdxX;
        if (index < p.Count)
            TKernel.Run((int)index, p.Own);
    }
}

/// <summary>What ILGPU compiles for <see cref="IGroupKernel{TSelf}"/>; its fields stand in the order of <see cref="PieceGrid{TKernel}"/>.</summary>
internal struct GroupGrid<TKernel> : IGridKernel
    where TKernel : struct, IGroupKernel<TKernel>
{
    public int Count;

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    public TKernel Own;

    public static void Kernel(GroupGrid<TKernel> p)
    {
        int group = p.FirstGroup + Grid.IdxX;
        if (group < p.Count)
            TKernel.Run(group, p.Own);
    }
}
