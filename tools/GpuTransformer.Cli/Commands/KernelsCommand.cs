using System.CommandLine;
using GpuTransformer.Cli.Reporting;
using GpuTransformer.Host;

namespace GpuTransformer.Cli.Commands;

/// <summary><c>kernels</c>: the catalogue.</summary>
internal static class KernelsCommand
{
    private static readonly DeviceKind[] Kinds = Enum.GetValues<DeviceKind>();

    public static Command Create()
    {
        Option<string> kernel = SharedOptions.Kernel();
        Option<FileInfo?> json = SharedOptions.Json();
        return new Command(
            "kernels",
            "List the operators, their variants, and where each can "
            + "run.") { kernel, json }.Runs(invocation => Run(invocation, invocation.Require(kernel), json));
    }

    private static ExitCode Run(Invocation invocation, string pattern, Option<FileInfo?> json)
    {
        IReadOnlyList<(OperatorDefinition Operator, KernelVariant Variant)> selected = SharedOptions.SelectVariants(pattern);
        invocation.Terminal.Table(
            ["operator", "variant", "runs on", "what sets it apart"],
            selected.Select(static s => (IReadOnlyList<string>)[s.Operator.Name, s.Variant.Name, string.Join(", ", RunsOn(s.Variant)), s.Variant.Summary]));
        JsonFile.Write(invocation.Get(json), new
        {
            operators = selected.GroupBy(static s => s.Operator, static s => s.Variant).Select(static g => new
            {
                g.Key.Name,
                g.Key.Formula,
                variants = g.Select(static v => new
                {
                    v.Name,
                    v.Kind,
                    v.Summary,
                    runs_on = RunsOn(v),
                    device_kernels = v.DeviceKernels.Select(static k => new { k.Name, k.GroupSize, k.MayUseStack }),
                }),
            }),
        });
        return ExitCode.Pass;
    }

    private static IEnumerable<string> RunsOn(KernelVariant variant) => Kinds.Where(variant.RunsOn).Select(static kind => kind switch
    {
        DeviceKind.Cpu => "cpu",
        DeviceKind.OpenCl => "opencl",
        DeviceKind.Cuda => "cuda",
        _ => "simulator",
    });
}
