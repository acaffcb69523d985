using System.Globalization;
using System.Numerics;
using System.Text;
using GpuTransformer.Host;
using GpuTransformer.Kernels;
using GpuTransformer.Validation;

namespace GpuTransformer.Tests.Host;

/// <summary>
/// The numerical rule for attention's output and gradients from small to very large scores: next to one of a hundred, every rounding of a score is 4e-6 of its
/// probability. 126 rows to a case, so that the plain computation's largest error is no matter of luck.
/// </summary>
[TestClass]
public sealed class AttentionScaleTests
{
    private const int Batch = 3, Heads = 2, Queries = 21, Keys = 70;

    [TestMethod]
    [DeviceRows(16), DeviceRows(40), DeviceRows(64), DeviceRows(128)]
    public void The_rule_holds_for_every_scale(string id, int width)
    {
        ComputeDevice device = TestDevices.Get(id);
        var failures = new StringBuilder();
        foreach (float deviation in new[] { 0.1f, 0.5f, 1f, 3f, 10f, 30f })
        {
            float scale = deviation / MathF.Sqrt(width);
            for (int seed = 0; seed < 3; seed++)
            {
                foreach (Comparison comparison in Compare(device, width, scale, seed).Where(static c => !c.Passed))
                    failures.AppendLine(
                        CultureInfo.InvariantCulture,
                        $"  scores of ±{deviation}, seed {seed}: {comparison.Output} is off by {comparison.Error:g3}, more than {comparison.Limit:g3}");
            }
        }

        Assert.AreEqual(string.Empty, failures.ToString(), $"{device}, width {width}:\n{failures}");
    }

    private static List<Comparison> Compare(ComputeDevice device, int width, float scale, int seed)
    {
        using StepScope scope = device.BeginStep();
        var random = new Random(seed);
        float[] query =
            Draw(random, Queries * width), key = Draw(random, Keys * width), value = Draw(random, Keys * width), gradient = Draw(random, Queries * width);
        Tensor q = Tensor.From(
            device,
            [Batch, Heads, Queries, width],
            query), k = Tensor.From(device, [Batch, Heads, Keys, width], key), v = Tensor.From(device, [Batch, Heads, Keys, width], value);
        Tensor normalizer = Tensor.Empty(device, [Batch, Heads, Queries, 2]);
        var options = new ScoreOptions { Heads = Heads, Layout = AttentionLayout.HeadMajor, Scale = scale };
        Tensor output = Operators.Attention(q, k, v, options, normalizer: normalizer);
        AttentionGradients gradients = Operators.AttentionBackward(
            Tensor.From(device, [Batch, Heads, Queries, width], gradient), q, k, v, output, normalizer, options);
        float[][] actual = [output.ToArray(), gradients.Query.ToArray(), gradients.Key.ToArray(), gradients.Value.ToArray()];
        AttentionShape shape = AttentionGeometry.Shape(options, q.Shape, k.Shape, v.Shape);
        AttentionRules rules = AttentionGeometry.Rules(options, shape, null, null, null);
        double[][] exact = Reference<double>(shape, rules, query, key, value, gradient), plain = Reference<float>(shape, rules, query, key, value, gradient);
        string[] names = ["output", "dQ", "dK", "dV"];
        return [.. names.Select((name, n) => NumericalRule.Compare(name, actual[n], exact[n], plain[n], DType.Float32, isGradient: n > 0))];
    }

    private static double[][] Reference<T>(AttentionShape shape, AttentionRules rules, float[] query, float[] key, float[] value, float[] gradient)
        where T : IFloatingPointIeee754<T>
    {
        var inputs = new AttentionInputs<T>(CaseData.Convert<T>(query), CaseData.Convert<T>(key), CaseData.Convert<T>(value));
        AttentionReferenceOutputs<T> forward = AttentionReference.Forward(shape, rules, inputs);
        AttentionReferenceGradients<T> backward = AttentionBackwardReference.Backward(shape, rules, inputs, forward, CaseData.Convert<T>(gradient));
        return [.. new[] { forward.Output, backward.Query, backward.Key, backward.Value }.Select(static r => Array.ConvertAll(r, double.CreateChecked))];
    }

    // Nearly normal, as the golden files' numbers are.
    private static float[] Draw(Random random, int count)
        => [.. Enumerable.Range(0, Batch * Heads * count).Select(_ => random.NextSingle() + random.NextSingle() + random.NextSingle()
        + random.NextSingle() - 2f).Select(static x => x * 1.7f)];
}
