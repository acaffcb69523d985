using System.Text.Json;
using System.Text.Json.Nodes;
using GpuTransformer.Cli.Reporting;
using GpuTransformer.Host;
using GpuTransformer.Modules;
using GpuTransformer.Validation;

namespace GpuTransformer.Cli.Verification;

/// <summary>Cases of modules: built from the manifest's own words, loaded strictly, called as the manifest says.</summary>
internal static class ModuleGolden
{
    // Relative to the largest magnitude, where the manifest states no figure; the worst of the published set is 4e-7, of its input gradients 2e-6.
    private const double LargestCredibleError = 1e-4;

    // A figure of the manifest may have been rounded, and taken over other elements.
    private const double StatedFactor = 2;

    // Where the file holds a second call: the same weights and inputs but for these masks.
    private const string SecondCall = "extra.padded.";

    /// <summary>Runs a case.</summary>
    /// <exception cref="UnsupportedOptionException">It needs an option, an argument or a class that this version does not have.</exception>
    public static IReadOnlyList<GoldenOutput> Run(GoldenCase golden, SafetensorsReader file, ComputeDevice device, bool gradients)
    {
        using StepScope step = device.BeginStep();
        using Module module = ModuleFactory.Create(Description(golden), device);
        module.LoadStateDict(file, "param.");
        var inputs = ReadInputs(golden, file, device, static name => $"input.{name}");
        List<GoldenOutput> outputs = gradients && GradientGolden.Has(file)
            ? CallWithGradients(golden, file, module, inputs)
            : [Call(golden, file, module, inputs, string.Empty)];
        outputs.AddRange(ExtraGolden.Run(golden, file, module, inputs, () => Arguments(golden, inputs)));
        if (file.Contains(SecondCall + "output_f64"))
            outputs.Add(
                Call(golden, file, module, ReadInputs(golden, file, device, name => file.Contains(SecondCall + name) ? SecondCall + name : $"input.{name}"),
                    SecondCall));
        return outputs;
    }

    /// <summary>
    /// Sets an output beside <c>output_f64</c> and <c>output</c> of a file; where there is no <c>output_f64</c>, PyTorch's float32 has to do.
    /// </summary>
    /// <param name="file">Where PyTorch's outputs are.</param>
    /// <param name="prefix">Of their names.</param>
    /// <param name="output">What was computed here.</param>
    /// <param name="plainError">By how much PyTorch's two outputs differ according to the manifest, or null.</param>
    public static GoldenOutput Against(SafetensorsReader file, string prefix, Tensor output, double? plainError = null)
    {
        SafetensorsEntry plain = file[prefix + "output"];
        if (output.Shape != plain.Shape)
            throw new UsageException($"{plain.Name} has shape {output.Shape}, x-transformers' has {plain.Shape}.");
        (double[] exact, double found) = ReadExact(file, plain.Name, prefix + "output_f64", plainError);
        return new GoldenOutput(plain.Name, output.Shape, output.DType, output.ToArray(), exact, found);
    }

    /// <summary>PyTorch's float64 result and how far its float32 one is from it.</summary>
    /// <exception cref="CheckpointException">
    /// The two contradict each other: the limit is a multiple of their difference, so such a file would excuse anything.
    /// </exception>
    public static (double[] Exact, double PlainError) ReadExact(SafetensorsReader file, string plainName, string exactName, double? stated)
    {
        double[] plain = file.ReadDoubles(plainName), exact = file.Contains(exactName) ? file.ReadCounted(exactName, plain.Length) : plain;
        return (exact, PlainError(file, plainName, plain, exactName, exact, stated, LargestCredibleError));
    }

    /// <summary>
    /// How far PyTorch's float32 result is from its float64 one. Up to the manifest's figure, to what float32 can be off by, and to what the rule lets pass
    /// anyway, that is what it is.
    /// </summary>
    /// <param name="file">Where both are.</param>
    /// <param name="plainName">The name of the float32 result.</param>
    /// <param name="plain">The float32 result.</param>
    /// <param name="exactName">The name of the float64 result.</param>
    /// <param name="exact">The float64 result.</param>
    /// <param name="stated">The manifest's figure, or null.</param>
    /// <param name="relative">Without a figure: what float32 can be off by, as a part of the largest magnitude.</param>
    /// <exception cref="CheckpointException">
    /// The two contradict each other: the limit is a multiple of their difference, so such a file would excuse anything.
    /// </exception>
    public static double PlainError(SafetensorsReader file, string plainName, double[] plain, string exactName, double[] exact, double? stated, double relative)
    {
        double found = plain.Zip(exact).Select(
            static v => Math.Abs(v.First - v.Second)).DefaultIfEmpty().Max(), largest = exact.Select(Math.Abs).DefaultIfEmpty().Max();
        double credible = Math.Max(stated is { } error ? StatedFactor * error : relative * largest, NumericalRule.Floor(DType.Float32) * largest);
        return found <= credible
            ? found
            : throw new CheckpointException(
                $"'{file.Path}' is damaged: {plainName} and {exactName} differ by {Format.Error(found)}, but PyTorch's float32 is off by "
                + $"{Format.Error(credible)} at most.");
    }

    private static GoldenOutput Call(GoldenCase golden, SafetensorsReader file, Module module, Dictionary<string, Tensor> inputs, string prefix)
        => Against(file, prefix, module.Invoke(Arguments(golden, inputs)), prefix.Length == 0 ? golden.PlainError("output") : null);

    private static List<GoldenOutput> CallWithGradients(GoldenCase golden, SafetensorsReader file, Module module, Dictionary<string, Tensor> inputs)
    {
        GradientGolden.Require(inputs, module, file);
        using StepScope tape = module.Device.BeginTape();
        Tensor output = module.Invoke(Arguments(golden, inputs));
        return [Against(file, string.Empty, output, golden.PlainError("output")), .. GradientGolden.Collect(golden, file, tape, output, inputs, module)];
    }

    private static CallArguments Arguments(GoldenCase golden, Dictionary<string, Tensor> inputs) => new(inputs, golden.CallKwargs ?? default);

    private static Dictionary<string, Tensor> ReadInputs(GoldenCase golden, SafetensorsReader file, ComputeDevice device, Func<string, string> source)
    {
        var inputs = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (string name in (golden.Args ?? []).Concat(golden.TensorKwargs ?? []))
            inputs.Add(name, file.ReadTensor(source(name), device));
        return inputs;
    }

    private static JsonElement Description(GoldenCase golden)
    {
        var description = new JsonObject { ["class"] = golden.Class, ["kwargs"] = JsonNode.Parse(golden.Kwargs.GetRawText()) };
        if (golden.CtorArgs is { } arguments)
            description["ctor_args"] = JsonNode.Parse(arguments.GetRawText());
        return JsonSerializer.SerializeToElement(description);
    }
}
