using System.Runtime.InteropServices;
using GpuTransformer.Host.OpenCl;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;

namespace GpuTransformer.Host;

/// <summary>Finds the devices of this machine through ILGPU and opens them.</summary>
internal static class DeviceDiscovery
{
    static DeviceDiscovery() => OpenClLoader.Install();

    public static IReadOnlyList<DeviceDescription> All()
    {
        var found = new List<DeviceDescription>();
        using (Context context = CreateContext(static builder => builder.Cuda().OpenCL(OpenClLoader.Accept)))
        {
            int cuda = 0, openCl = 0;
            foreach (Device device in context)
            {
                if (device is CudaDevice)
                    found.Add(Describe($"cuda:{cuda++}", DeviceKind.Cuda, device, isGpu: true));
                else if (device is CLDevice cl)
                    found.Add(Describe($"opencl:{openCl++}", DeviceKind.OpenCl, device, cl.DeviceType.HasFlag(CLDeviceType.CL_DEVICE_TYPE_GPU)));
            }
        }

        found.Add(DescribeCpu());
        return found;
    }

    public static ComputeDevice Open(string? id)
    {
        if (id is null)
        {
            DeviceDescription best = All().Where(static d => d.IsAvailable).MinBy(Rank)!;
            id = best.Id;
        }

        if (id == "cpu")
            return new ComputeDevice(DescribeCpu(), new CpuBackend(Environment.ProcessorCount));
        if (id == "simulator")
            return OpenSimulator();

        string wanted = id.Contains(':') ? id : id + ":0";
        Context context = CreateContext(static builder => builder.Cuda().OpenCL(OpenClLoader.Accept));
        try
        {
            int cuda = 0, openCl = 0;
            foreach (Device device in context)
            {
                string name = device is CudaDevice ? $"cuda:{cuda++}" : $"opencl:{openCl++}";
                if (name != wanted)
                    continue;
                DeviceKind kind = device is CudaDevice ? DeviceKind.Cuda : DeviceKind.OpenCl;
                bool isGpu = device is not CLDevice cl || cl.DeviceType.HasFlag(CLDeviceType.CL_DEVICE_TYPE_GPU);
                return new ComputeDevice(Describe(name, kind, device, isGpu), new IlgpuBackend(context, device.CreateAccelerator(context)));
            }

            throw new DeviceNotFoundException($"There is no device '{id}' here. `gpu-transformer devices` lists what is.");
        }
        catch
        {
            context.Dispose();
            throw;
        }
    }

    private static ComputeDevice OpenSimulator()
    {
        // 32 lanes as on NVIDIA and groups of up to 128 threads, the most that a kernel here uses.
        var shape = new CPUDevice(32, 4, 1);
        Context context = CreateContext(builder => builder.CPU(shape));
        var description = new DeviceDescription("simulator", DeviceKind.Simulator, "ILGPU CPU accelerator", 0, 1, IsGpu: false);
        return new ComputeDevice(description, new IlgpuBackend(context, shape.CreateAccelerator(context)));
    }

    internal static Context CreateContext(Action<Context.Builder> devices) => Context.Create(builder =>
    {
        // O2 turns generic loads into global ones; kernels are small functions that only make sense inlined.
        builder.Optimize(OptimizationLevel.O2).Inlining(InliningMode.Aggressive);
        devices(builder);
    });

    private static int Rank(DeviceDescription device) => device.Kind switch
    {
        DeviceKind.Cuda => 0,
        DeviceKind.OpenCl when device.IsGpu => 1,
        DeviceKind.Cpu => 2,
        _ => 3,
    };

    private static DeviceDescription Describe(string id, DeviceKind kind, Device device, bool isGpu)
        => new(id, kind, device.Name, device.MemorySize, device.NumMultiprocessors, isGpu);

    private static DeviceDescription DescribeCpu() => new(
        "cpu", DeviceKind.Cpu, RuntimeInformation.ProcessArchitecture.ToString(), GC.GetGCMemoryInfo().TotalAvailableMemoryBytes, Environment.ProcessorCount, IsGpu: false);
}
