using GpuTransformer.Host;

foreach (DeviceDescription d in ComputeDevice.Discover())
    Console.WriteLine(d);
foreach (string id in new[] { "cpu", "opencl", "simulator" })
{
    using ComputeDevice device = ComputeDevice.Create(id);
    foreach (OperatorDefinition op in KernelCatalog.Operators)
    {
        foreach (KernelVariant variant in op.Variants)
        {
            foreach (ValidationCase c in op.Cases(1))
            {
                if (device.Kind == DeviceKind.Simulator && c.Size != ValidationSize.Tiny)
                    continue;
                if (c.Run(device, variant) is { } results)
                    Console.WriteLine($"{id} {op.Name} {variant.Name} {c.Name}: {string.Join(" ", results)}");
            }
        }
    }
}

return 0;
