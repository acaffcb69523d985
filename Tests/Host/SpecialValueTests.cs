using GpuTransformer.Host;
using GpuTransformer.Validation;

namespace GpuTransformer.Tests.Host;

/// <summary>
/// Functions of one number at huge, infinite and missing numbers, forward and backward, against the float64 oracle: the same on every device.
/// </summary>
[TestClass]
public sealed class SpecialValueTests
{
    private static readonly float[] s_values =
    [
        .. new[]
        {
            0f, 1e-30f, 0.1f, 0.7f, 1f, 3f, 6f, 10f, 20f, 50f, 87f, 88.5f, 89f, 104f, 200f, 1000f, 1e10f, 1e19f, 1e20f, 3e38f, float.MaxValue,
            float.PositiveInfinity,
        }
            .SelectMany(static x => new[] { x, -x }),
        float.NaN,
    ];

    [TestMethod]
    [DeviceRows(DType.Float32, Simulator = true)]
    [DeviceRows(DType.BFloat16)]
    [DeviceRows(DType.Float16)]
    public void Activations_have_their_limits(string id, DType dtype)
    {
        ComputeDevice device = TestDevices.Get(id);
        float[] stored = Stored(s_values, dtype);
        foreach (Activation activation in Enum.GetValues<Activation>())
        {
            AssertMapped(device, dtype, $"{activation}", stored, x => Operators.Activate(x, activation), x => ActivationReference.Apply((int)activation, x));
            AssertMapped(
                device,
                dtype,
                $"{activation}′",
                stored,
                x => Operators.ActivationBackward(Ones(x), x, activation),
                x => ActivationDerivativeReference.Apply((int)activation, x));
        }
    }

    [TestMethod]
    [DeviceRows(1e-3f)]
    [DeviceRows(2.5f, Simulator = true)]
    [DeviceRows(30f)]
    public void The_soft_clamp_has_its_limits(string id, float limit)
    {
        ComputeDevice device = TestDevices.Get(id);
        AssertMapped(device, DType.Float32, $"clamp {limit}", s_values, x => Operators.SoftClamp(x, limit), x => ElementwiseReference.SoftClamp(x, limit));
        AssertMapped(
            device,
            DType.Float32,
            $"clamp′ {limit}",
            s_values,
            x => Operators.SoftClampBackward(Ones(x), x, limit),
            x => ElementwiseReference.SoftClampDerivative(x, limit));
    }

    [TestMethod]
    [DeviceRows(0f, Simulator = true)]
    [DeviceRows(2.5f)]
    public void The_gated_unit_has_its_limits(string id, float limit)
    {
        ComputeDevice device = TestDevices.Get(id);
        foreach (Activation activation in new[] { Activation.Gelu, Activation.Silu, Activation.ReluSquared, Activation.Sigmoid, Activation.Tanh })
        {
            // One row for each gate: value 2, the gate.
            float[] input = [.. s_values.SelectMany(static gate => new[] { 2f, gate })];
            double[] exact = GatedLinearUnitReference.Forward(Array.ConvertAll(input, static x => (double)x), [], 1, (int)activation, limit, limit);
            (double[] gradient, _) = GatedLinearUnitReference.Backward(
                Enumerable.Repeat(1.0, s_values.Length).ToArray(), Array.ConvertAll(input, static x => (double)x), [], 1, (int)activation, limit, limit);
            using StepScope step = device.BeginStep();
            Tensor x = Tensor.From(device, [s_values.Length, 2], input);
            x.RequiresGradient = true;
            using StepScope tape = device.BeginTape();
            Tensor y = Operators.GatedLinearUnit(x, activation, valueClamp: limit == 0 ? null : limit, gateClamp: limit == 0 ? null : limit);
            tape.Backward(y, Ones(y));
            AssertEqual($"{activation}, clamped at {limit}", input, exact, y.ToArray(), DType.Float32);
            AssertEqual($"gradient of {activation}, clamped at {limit}", input, gradient, x.Gradient!.ToArray(), DType.Float32);
            x.ClearGradient();
        }
    }

    [TestMethod]
    [DeviceRows(1)]
    [DeviceRows(3, Simulator = true)]
    [DeviceRows(17)]
    [DeviceRows(443)]
    public void A_softmax_gives_nothing_to_what_is_hidden(string id, int dim)
    {
        ComputeDevice device = TestDevices.Get(id);
        const float Hidden = float.NegativeInfinity, Lowest = -3e38f;
        float[][] rows =
        [
            Filled(dim, Hidden), Filled(dim, Hidden, 1f), Filled(dim, Lowest), Filled(dim, Lowest, Hidden), Filled(dim, 3e38f), Filled(dim, 3e38f, 0f),
            Filled(dim, 0f, 3e38f), Filled(dim, Lowest, 3e38f),
            Filled(dim, float.NaN), Filled(dim, Hidden, float.NaN), Filled(dim, 0f, float.PositiveInfinity), Filled(dim, -float.MaxValue),
            Filled(dim, 1f, Hidden),
        ];
        float[] input = [.. rows.SelectMany(static row => row)];
        using StepScope step = device.BeginStep();
        float[] actual = Operators.Softmax(Tensor.From(device, [rows.Length, dim], input)).ToArray();
        AssertEqual($"softmax of {dim}", input, SoftmaxReference.Forward(Array.ConvertAll(input, static x => (double)x), dim), actual, DType.Float32);
        Assert.IsTrue(actual.AsSpan(0, dim).SequenceEqual(new float[dim]), "A row without anything visible is zero.");
    }

    [TestMethod]
    [DeviceRows(Simulator = true)]
    public void The_gradient_of_hidden_probabilities_counts_for_nothing(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        foreach (float junk in new[] { float.NaN, float.PositiveInfinity, float.NegativeInfinity, 3e38f })
        {
            using StepScope step = device.BeginStep();
            Tensor Gradient(float hidden)
            {
                Tensor x = Tensor.From(
                    device, [2, 3], [1f, float.NegativeInfinity, 2f, float.NegativeInfinity, float.NegativeInfinity, float.NegativeInfinity]);
                x.RequiresGradient = true;
                using StepScope tape = device.BeginTape();
                tape.Backward(Operators.Softmax(x), Tensor.From(device, [2, 3], [1f, hidden, 3f, hidden, hidden, hidden]));
                return x.Gradient!;
            }

            float[] clean = Gradient(0f).ToArray();
            CollectionAssert.AreEqual(clean, Gradient(junk).ToArray());
            Assert.IsTrue(clean.All(float.IsFinite) && clean[0] != 0f);
        }
    }

    private static float[] Stored(float[] values, DType dtype) => Array.ConvertAll(values, x => FloatConversion.Round(x, dtype));

    private static Tensor Ones(Tensor like)
        => Tensor.From(like.Device, like.Shape, Enumerable.Repeat(1f, checked((int)like.Shape.Count)).ToArray(), like.DType);

    // first, then, then, …: the last element is the only other one where it is wide.
    private static float[] Filled(int dim, float value, float? last = null)
    {
        var row = new float[dim];
        Array.Fill(row, value);
        row[^1] = last ?? value;
        return row;
    }

    private static void AssertMapped(ComputeDevice device, DType dtype, string what, float[] values, Func<Tensor, Tensor> run, Func<double, double> exact)
    {
        using StepScope step = device.BeginStep();
        float[] actual = run(Tensor.From(device, [values.Length], values, dtype)).ToArray();
        AssertEqual(what, values, Array.ConvertAll(values, x => exact(x)), actual, dtype);
    }

    private static void AssertEqual(string what, float[] inputs, double[] exact, float[] actual, DType dtype)
    {
        Assert.HasCount(exact.Length, actual);
        for (int i = 0; i < exact.Length; i++)
        {
            float expected = FloatConversion.Round((float)exact[i], dtype);
            string message = $"{what} {dtype}: element {i}, input {inputs[i * inputs.Length / exact.Length]}: {actual[i]}, expected {expected}";
            if (float.IsFinite(expected))
                Assert.AreEqual(expected, actual[i], NumericalRule.Floor(dtype) * Math.Max(1.0, Math.Abs(expected)), message);
            else
                Assert.AreEqual(expected, actual[i], message);
        }
    }
}
