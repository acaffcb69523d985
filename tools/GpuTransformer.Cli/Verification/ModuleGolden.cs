using System.Text.Json;
using System.Text.Json.Nodes;
using GpuTransformer.Cli.Reporting;
using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Verification;

/// <summary>Cases of modules: built from the manifest's own words, loaded strictly, called as the manifest says.</summary>
internal static class ModuleGolden
{
    // Relative to the largest magnitude; the worst of the published set is 4e-7.
    private const double LargestCredibleError = 1e-5;

    // Where the file holds a second call: the same weights and inputs but for these masks.
    private const string SecondCall = "extra.padded.";

    /// <summary>Runs a case.</summary>
    /// <exception cref="UnsupportedOptionException">It needs an option, an argument or a class that this version does not have.</exception>
    public static IReadOnlyList<GoldenOutput> Run(GoldenCase golden, SafetensorsReader file, ComputeDevice device)
    {
        using StepScope step = device.BeginStep();
        using Module module = ModuleFactory.Create(Description(golden), device);
        module.LoadStateDict(file, "param.");
        var outputs = new List<GoldenOutput> { Call(golden, file, module, static name => $"input.{name}", string.Empty) };
        if (file.Contains(SecondCall + "output_f64"))
            outputs.Add(Call(golden, file, module, name => file.Contains(SecondCall + name) ? SecondCall + name : $"input.{name}", SecondCall));
        return outputs;
    }

    /// <summary>Sets an output beside <c>output_f64</c> and <c>output</c> of a file; where there is no <c>output_f64</c>, PyTorch's float32 has to do.</summary>
    /// <param name="file">Where PyTorch's outputs are.</param>
    /// <param name="prefix">Of their names.</param>
    /// <param name="output">What was computed here.</param>
    /// <param name="plainError">By how much PyTorch's two outputs differ according to the manifest, or null.</param>
    public static GoldenOutput Against(SafetensorsReader file, string prefix, Tensor output, double? plainError = null)
    {
        SafetensorsEntry plain = file[prefix + "output"];
        if (output.Shape != plain.Shape)
            throw new UsageException($"{plain.Name} has shape {output.Shape}, x-transformers' has {plain.Shape}.");
        double[] exact = file.ReadDoubles(file.Contains(prefix + "output_f64") ? prefix + "output_f64" : plain.Name);
        double found = file.ReadDoubles(plain.Name).Zip(exact).Max(static v => Math.Abs(v.First - v.Second));

        // The limit is a multiple of this error: a file whose outputs contradict each other would excuse anything.
        double credible = plainError is { } stated ? 1.01 * stated : LargestCredibleError * exact.Max(Math.Abs);
        if (!(found <= credible))
            throw new CheckpointException($"'{file.Path}' is damaged: {prefix}output and {prefix}output_f64 differ by {Format.Error(found)}, but PyTorch's float32 is off by {Format.Error(credible)} at most.");
        return new GoldenOutput(plain.Name, output.Shape, output.DType, output.ToArray(), exact, found);
    }

    private static GoldenOutput Call(GoldenCase golden, SafetensorsReader file, Module module, Func<string, string> source, string prefix)
    {
        var inputs = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (string name in (golden.Args ?? []).Concat(golden.TensorKwargs ?? []))
        {
            // mems.0 and mems.1 form a list, embed_ids.typ a dictionary.
            if (name.Contains('.'))
                throw new UnsupportedOptionException(name, $"{golden.Class}: the call argument {name.Split('.')[0]} of x-transformers is not supported.");
            inputs.Add(name, file.ReadTensor(source(name), module.Device));
        }

        Tensor output = module.Invoke(new CallArguments(inputs, golden.CallKwargs ?? default));
        return Against(file, prefix, output, prefix.Length == 0 ? golden.PlainError : null);
    }

    private static JsonElement Description(GoldenCase golden)
    {
        var description = new JsonObject { ["class"] = golden.Class, ["kwargs"] = JsonNode.Parse(golden.Kwargs.GetRawText()) };
        if (golden.CtorArgs is { } arguments)
            description["ctor_args"] = JsonNode.Parse(arguments.GetRawText());
        return JsonSerializer.SerializeToElement(description);
    }
}
