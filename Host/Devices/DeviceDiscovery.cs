using System.Globalization;
using GpuTransformer.Host.Cuda;
using GpuTransformer.Host.OpenCl;

namespace GpuTransformer.Host;

/// <summary>Finds the devices of this machine and opens them.</summary>
internal static class DeviceDiscovery
{
    /// <summary>
    /// Held while devices are looked for and opened. Drivers, their loaders and ILGPU set themselves up at their first use and do not expect company there: two
    /// first calls at once ended in a crash of the process or a list without devices.
    /// </summary>
    private static readonly Lock Gate = new();

    public static IReadOnlyList<DeviceDescription> All()
    {
        lock (Gate)
            return Describe();
    }

    public static ComputeDevice Open(string? id, ComputeDeviceOptions options)
    {
        DeviceRequest request = DeviceRequest.Parse(id);

        // The processor needs no driver, and need not wait for one.
        if (request.Kind == DeviceKind.Cpu)
            return OpenCpu(options);
        lock (Gate)
            return Open(request, options);
    }

    private static IReadOnlyList<DeviceDescription> Describe()
        =>
        [
            .. NoteSharedGpus([.. CudaPlatform.Find(), .. OpenClPlatforms.Find()]).Select(static c => c.Description),
            CpuInformation.Describe(Environment.ProcessorCount),
        ];

    private static ComputeDevice Open(DeviceRequest request, ComputeDeviceOptions options) => request.Kind switch
    {
        DeviceKind.Simulator => OpenSimulator(options),
        DeviceKind.Cuda => OpenFound(request, CudaPlatform.Find(), options),
        DeviceKind.OpenCl => OpenFound(request, OpenClPlatforms.Find(), options),
        _ => OpenBest(options),
    };

    /// <summary>The device to take among those found: the one with that number, or the first usable one, GPUs first.</summary>
    internal static DeviceCandidate? Choose(DeviceRequest request, IReadOnlyList<DeviceCandidate> found) => request.Ordinal is { } ordinal
        ? found.FirstOrDefault(c => c.Description.Id == string.Create(CultureInfo.InvariantCulture, $"{DeviceRequest.Word(c.Description.Kind)}:{ordinal}"))
        : found.Where(static c => c.Description.IsAvailable).OrderByDescending(static c => c.Description.IsGpu).FirstOrDefault();

    /// <summary>Says of an OpenCL device that it is the same GPU as a CUDA device, by its name.</summary>
    internal static IReadOnlyList<DeviceCandidate> NoteSharedGpus(IReadOnlyList<DeviceCandidate> found) =>
    [
        .. found.Select(candidate =>
        {
            DeviceDescription description = candidate.Description;
            DeviceDescription? twin = found.Select(static c => c.Description)
                .FirstOrDefault(d => d.Kind == DeviceKind.Cuda && d.Units > 0 && description.Kind == DeviceKind.OpenCl && d.Name == description.Name);
            if (twin is null)
                return candidate;
            string note = $"the GPU is also {twin.Id}, which is faster" + (description.Note is null ? string.Empty : $"; {description.Note}");
            return candidate with { Description = description with { Note = note } };
        }),
    ];

    private static ComputeDevice OpenBest(ComputeDeviceOptions options)
    {
        DeviceCandidate? gpu = Choose(default, CudaPlatform.Find());
        gpu ??= Choose(default, [.. OpenClPlatforms.Find().Where(static c => c.Description.IsGpu)]);
        return gpu is null ? OpenCpu(options) : Open(gpu, options);
    }

    private static ComputeDevice OpenFound(DeviceRequest request, IReadOnlyList<DeviceCandidate> found, ComputeDeviceOptions options)
    {
        DeviceCandidate? chosen = Choose(request, found);
        if (chosen is { Description.IsAvailable: true })
            return Open(chosen, options);
        string reasons = string.Join(" ", found.Select(static c => c.Description)
            .Where(d => !d.IsAvailable && (chosen is null || ReferenceEquals(d, chosen.Description)))
            .Select(static d => $"{d.Id} ({d.Name}): {d.UnavailableReason}"));
        string usable = string.Join(", ", All().Where(static d => d.IsAvailable).Select(static d => $"{d.Id} ({d.Name})"));
        throw new DeviceNotFoundException(
            $"There is no usable device '{request}' on this machine. {(reasons.Length == 0 ? string.Empty : reasons + " ")}Usable: {usable}.");
    }

    private static ComputeDevice Open(DeviceCandidate candidate, ComputeDeviceOptions options)
    {
        try
        {
            return new ComputeDevice(candidate.Description, candidate.Open!(), options);
        }
        catch (Exception exception) when (exception is ILGPU.Runtime.AcceleratorException or NotSupportedException or InvalidOperationException)
        {
            throw new DeviceNotFoundException(
                $"{candidate.Description.Id} ({candidate.Description.Name}) was found but cannot be opened: {exception.Message}", exception);
        }
    }

    private static ComputeDevice OpenCpu(ComputeDeviceOptions options)
    {
        int threads = options.Threads ?? Environment.ProcessorCount;
        return new ComputeDevice(CpuInformation.Describe(threads), new CpuBackend(threads), options);
    }

    private static ComputeDevice OpenSimulator(ComputeDeviceOptions options)
        => new(new DeviceDescription("simulator", DeviceKind.Simulator, "ILGPU CPU accelerator", 0, 1, IsGpu: false), IlgpuBackend.OpenSimulator(), options);
}
