using System.Text.Json;
using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Modules;

/// <summary>Gradients of whole modules against PyTorch's, for every stack in the golden folder whose file holds them.</summary>
[TestClass]
public sealed class GoldenGradientTests
{
    private static readonly string s_folder = Environment.GetEnvironmentVariable("GPUTRANSFORMER_GOLDENS") ?? RepositoryFiles.PathOf("Tests", "Goldens");

    /// <summary>Of a stack: the masks, norms, feedforwards and attentions that the forward cases compare.</summary>
    private static readonly string[] s_classes = ["Encoder", "Decoder", "CrossAttender", "Attention", "FeedForward", "TransformerBlock"];

    [TestMethod]
    [DataRow("cpu")]
    public void Gradients_of_inputs_and_parameters_are_pytorchs(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using JsonDocument manifest = JsonDocument.Parse(File.ReadAllText(Path.Combine(s_folder, "manifest.json")));
        var wrong = new List<string>();
        int compared = 0;
        foreach (JsonElement golden in manifest.RootElement.GetProperty("cases").EnumerateArray())
        {
            string file = Path.Combine(s_folder, golden.GetProperty("file").GetString()!);
            if (!s_classes.Contains(golden.GetProperty("class").GetString()) || !File.Exists(file))
                continue;
            using SafetensorsReader tensors = SafetensorsReader.Open(file);
            if (!tensors.Contains("grad.input.x") || HasDeadRows(golden.GetProperty("name").GetString()!))
                continue;
            try
            {
                wrong.AddRange(Compare(golden, tensors, device).Select(what => $"{golden.GetProperty("name").GetString()}: {what}"));
                compared++;
            }
            catch (UnsupportedOptionException)
            {
                // Counted by the command line's verify.
            }
        }

        Assert.IsGreaterThan(20, compared);
        Assert.IsEmpty(wrong, string.Join('\n', wrong));
    }

    // docs/differences.md
    private static bool HasDeadRows(string name) => name is "dec_causal__self_attn_kv_mask_lpad" or "dec_causal__seq_start_pos";

    private static List<string> Compare(JsonElement golden, SafetensorsReader tensors, ComputeDevice device)
    {
        using StepScope step = device.BeginStep();
        using Module module = ModuleFactory.Create(golden, device);
        module.LoadStateDict(tensors, "param.");
        var inputs = new Dictionary<string, Tensor>();
        foreach (JsonElement name in golden.GetProperty("args").EnumerateArray().Concat(golden.GetProperty("tensor_kwargs").EnumerateArray()))
            inputs.Add(name.GetString()!, tensors.ReadTensor("input." + name.GetString(), device));
        List<(string Key, Tensor Leaf)> leaves =
        [
            .. inputs.Where(pair => tensors.Contains("grad.input." + pair.Key)).Select(static pair => ("input." + pair.Key, pair.Value)),
            .. module.NamedParameters().Where(p => tensors.Contains("grad.param." + p.Name)).Select(static p => ("param." + p.Name, p.Value)),
        ];
        foreach ((_, Tensor leaf) in leaves)
            leaf.RequiresGradient = true;
        using (GradientTape tape = device.BeginTape())
            tape.Backward(module.Invoke(new CallArguments(inputs, golden.GetProperty("call_kwargs"))), tensors.ReadTensor("loss_weight", device));
        var wrong = new List<string>();
        double largest = leaves.Max(leaf => tensors.ReadDoubles("grad." + leaf.Key).Max(Math.Abs));
        foreach ((string key, Tensor leaf) in leaves)
        {
            double[] exact = tensors.ReadDoubles(tensors.Contains("grad_f64." + key) ? "grad_f64." + key : "grad." + key), plain = tensors.ReadDoubles("grad." + key);
            float[] actual = leaf.Gradient?.ToArray() ?? new float[exact.Length];
            double error = exact.Zip(actual).Max(static v => Math.Abs(v.First - v.Second)), plainError = exact.Zip(plain).Max(static v => Math.Abs(v.First - v.Second));

            // PyTorch's own float32 noise is up to 3e-5 of a parameter's largest gradient, or of a thousandth of the model's.
            double limit = Math.Max(3 * plainError, 3e-5 * Math.Max(exact.Max(Math.Abs), 1e-3 * largest));
            if (!(error <= limit))
                wrong.Add($"{key}: error {error:g2}, limit {limit:g2}{(leaf.Gradient is null ? ", no gradient" : string.Empty)}");
        }

        return wrong;
    }
}
