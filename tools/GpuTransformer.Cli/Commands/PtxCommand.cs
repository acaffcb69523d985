using System.CommandLine;
using System.Globalization;
using System.Text;
using GpuTransformer.Host;
using GpuTransformer.Host.Cuda;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Commands;

/// <summary><c>ptx</c>: what a CUDA device would be given, with no GPU present.</summary>
internal static class PtxCommand
{
    /// <summary>Lists the files that <c>--output</c> writes: file, kernel, threads per group, 1 if it may use the stack; tab-separated, for scripts.</summary>
    internal const string IndexName = "kernels.tsv";

    public static Command Create()
    {
        Option<string> kernel = SharedOptions.Kernel();
        var architecture = new Option<string>("--arch")
        {
            Description = $"GPU architecture: {string.Join(", ", PtxCompiler.Architectures)}",
            HelpName = "ARCH",
            DefaultValueFactory = static _ => "sm_80",
        };
        var output = new Option<DirectoryInfo?>("--output")
        {
            Description = $"write one .ptx file per kernel into this folder, and their list to {IndexName}, instead of printing them",
            HelpName = "FOLDER",
        };
        return new Command("ptx", "Print the PTX that a CUDA device would be given; no GPU is needed.") { kernel, architecture, output }
            .Runs(invocation => Run(invocation, invocation.Require(kernel), invocation.Require(architecture), invocation.Get(output)));
    }

    private static ExitCode Run(Invocation invocation, string pattern, string architecture, DirectoryInfo? output)
    {
        List<(string Title, DeviceKernel Kernel)> kernels =
        [
            // An operator may launch what belongs to another, too.
            .. (from selected in SharedOptions.SelectVariants(pattern)
                from kernel in selected.Variant.DeviceKernels
                select ($"{selected.Operator.Name}/{selected.Variant.Name}: {kernel.Name}", kernel)).DistinctBy(static k => k.kernel.Method),
        ];
        if (kernels.Count == 0)
            throw new UsageException($"What matches '{pattern}' runs on no GPU, so there is no PTX.");

        output?.Create();
        using var compiler = new PtxCompiler(architecture);
        var index = new List<string>();
        foreach ((string title, DeviceKernel kernel) in kernels)
        {
            invocation.Cancellation.ThrowIfCancellationRequested();
            string text = compiler.Compile(kernel);
            if (output is null)
            {
                invocation.Terminal.Line($"// {title}, {kernel.GroupSize} threads per group");
                invocation.Terminal.Line(text);
                continue;
            }

            string file = string.Create(CultureInfo.InvariantCulture, $"{index.Count:D4}.ptx");
            WriteText(Path.Combine(output.FullName, file), text);
            index.Add(string.Create(CultureInfo.InvariantCulture, $"{file}\t{title}\t{kernel.GroupSize}\t{(kernel.MayUseStack ? 1 : 0)}"));
        }

        if (output is not null)
        {
            WriteText(Path.Combine(output.FullName, IndexName), string.Concat(index.Select(static line => $"{line}\n")));
            invocation.Terminal.Line($"{index.Count} kernels for {architecture} in {output.FullName}");
        }

        return ExitCode.Pass;
    }

    private static void WriteText(string path, string text) => AtomicFile.Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));
}
