using System.Reflection;

namespace GpuTransformer.Host;

/// <summary>In what form a kernel is written.</summary>
internal enum VariantKind
{
    /// <summary>Plain ILGPU: CUDA, OpenCL, and the simulator.</summary>
    Portable,

    /// <summary>CUDA tensor cores, through custom PTX intrinsics.</summary>
    TensorCore,

    /// <summary>SIMD in .NET on all cores: how a machine without a GPU works.</summary>
    Vectorized,
}

/// <summary>One implementation of an operator.</summary>
internal abstract class KernelVariant
{
    private readonly Lazy<IReadOnlyList<DeviceKernel>> _deviceKernels;

    private protected KernelVariant(string name, VariantKind kind, string summary, MethodInfo launch)
    {
        Name = name;
        Kind = kind;
        Summary = summary;
        _deviceKernels = new(() => kind == VariantKind.Vectorized ? [] : EntryPoints.Of(launch));
    }

    /// <summary>Its name, unique within the operator: <c>Portable</c>, <c>Vectorized</c>.</summary>
    public string Name { get; }

    /// <summary>In what form it is written.</summary>
    public VariantKind Kind { get; }

    /// <summary>What sets it apart, in a sentence.</summary>
    public string Summary { get; }

    /// <summary>The entry points a GPU compiler sees: every specialisation that can be launched, and no other; empty for Vectorized.</summary>
    public IReadOnlyList<DeviceKernel> DeviceKernels => _deviceKernels.Value;

    /// <summary>Whether this form runs on that kind of device at all.</summary>
    public bool RunsOn(DeviceKind device) => Kind switch
    {
        VariantKind.Vectorized => device == DeviceKind.Cpu,
        VariantKind.Portable => device is DeviceKind.Cuda or DeviceKind.OpenCl or DeviceKind.Simulator,
        _ => device is DeviceKind.Cuda or DeviceKind.Simulator,
    };
}

/// <summary>One compiled entry point: a kernel with its type arguments and group size.</summary>
/// <param name="Name">A readable name: <c>LayerNorm/Portable&lt;Float32&gt;</c>.</param>
/// <param name="Method">The static method that ILGPU compiles.</param>
/// <param name="GroupSize">Threads per group.</param>
/// <param name="MayUseStack">False where the kernel promises to live in registers: stack use or spills then fail the build's PTX check.</param>
internal sealed record DeviceKernel(string Name, MethodInfo Method, int GroupSize, bool MayUseStack = false)
{
    /// <summary>Names the entry point of a kernel after its parameter block, whose constant says how many threads a group has.</summary>
    internal static DeviceKernel Of(MethodInfo kernel)
    {
        Type parameters = kernel.DeclaringType!;
        FieldInfo groupSize = parameters.GetField("GroupSize") ?? throw new InvalidOperationException($"{parameters.Name} has no constant GroupSize.");
        return new(ReadableName(parameters), kernel, (int)groupSize.GetRawConstantValue()!);
    }

    internal static string ReadableName(Type type)
    {
        if (!type.IsGenericType)
            return type.Name;
        string arguments = string.Join(", ", type.GetGenericArguments().Select(ReadableName));
        return $"{type.Name[..type.Name.IndexOf('`', StringComparison.Ordinal)]}<{arguments}>";
    }
}

/// <summary>A variant that takes the operator's arguments.</summary>
internal sealed class KernelVariant<TArguments>(
    string name,
    VariantKind kind,
    string summary,
    Action<ComputeDevice, TArguments> launch,
    Func<ComputeDevice, TArguments, bool>? accepts = null)
    : KernelVariant(name, kind, summary, launch.Method)
    where TArguments : struct
{
    /// <summary>Whether it computes these arguments on that device.</summary>
    public bool CanRun(ComputeDevice device, TArguments arguments) => RunsOn(device.Kind) && (accepts is null || accepts(device, arguments));

    /// <summary>Queues the work. The arguments were validated by the operator.</summary>
    public void Launch(ComputeDevice device, TArguments arguments) => launch(device, arguments);
}
