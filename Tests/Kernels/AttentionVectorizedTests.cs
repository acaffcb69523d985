using System.Runtime.Intrinsics;
using GpuTransformer.Host;
using GpuTransformer.Kernels;
using GpuTransformer.Validation;

namespace GpuTransformer.Tests;

/// <summary>
/// What the validation sweep cannot say about the Vectorized kernel: that neither the machine nor what nobody attends changes a bit of the result.
/// </summary>
[TestClass]
public sealed class AttentionVectorizedTests
{
    private static readonly AttentionProblem s_everything = new(70, 135, 80, 40)
    {
        Heads = 6, KeyValueHeads = 2, Causal = CausalAlignment.BottomRight, Window = 100, KeyMask = true, Mask = AttentionAxes.All, Bias = AttentionAxes.All,
        Alibi = true,
        SoftClamp = 20f, FreeColumns = 3,
    };

    [TestMethod]
    [DataRow(DType.Float32)]
    [DataRow(DType.Float16)]
    [DataRow(DType.BFloat16)]
    public void Narrower_registers_give_the_same_result(DType dtype)
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using StepScope step = device.BeginStep();
        var data = new AttentionProblemData(s_everything, 1, dtype);
        AttentionArguments arguments = AttentionOperator.Prepare(data.Query(device), data.Key(device), data.Value(device), data.Options(device), null);
        float[] with512 = RunEveryBlock(arguments, dtype, 512), with256 = RunEveryBlock(arguments, dtype, 256), with128 = RunEveryBlock(arguments, dtype, 128);

        // Lanes never mix, so the width of a register leaves every bit alone; only how the processor fuses a multiplication with an addition could not.
        CollectionAssert.AreEqual(with512, with256);
        CollectionAssert.AreEqual(with512, with128);
        Assert.IsTrue(with512.Any(static v => v != 0f));
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(3)]
    public void The_number_of_threads_changes_nothing(int threads)
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using StepScope step = device.BeginStep();
        var data = new AttentionProblemData(s_everything, 2, DType.Float32);
        AttentionArguments arguments = AttentionOperator.Prepare(data.Query(device), data.Key(device), data.Value(device), data.Options(device), null);
        float[] here = RunEveryBlock(arguments, DType.Float32, 512);
        using var workers = new CpuWorkers(threads);
        FlashForwardVectorized<Float32> kernel = AttentionOperator.Kernel<Float32>(arguments);
        workers.Run(kernel.Blocks, kernel);
        CollectionAssert.AreEqual(here, arguments.Output.ToArray());
    }

    [TestMethod]
    public void Padding_keys_change_nothing_whatever_they_hold()
    {
        const int Keys = 83, Padded = 200, Dim = 40;
        ComputeDevice device = TestDevices.Get("cpu");
        using StepScope step = device.BeginStep();
        var data = new CaseData(3, DType.Float32);
        float[] query = data.Uniform(45 * Dim), key = data.Uniform(Keys * Dim), value = data.Uniform(Keys * Dim);
        float[] paddedKey = [.. key, .. Enumerable.Repeat(float.NaN, (Padded - Keys) * Dim)], paddedValue =
        [
            .. value, .. Enumerable.Repeat(float.NaN, (Padded - Keys) * Dim),
        ];
        Tensor q = Tensor.From(device, [1, 45, Dim], query);
        Tensor expected = Operators.Attention(
            q, Tensor.From(device, [1, Keys, Dim], key), Tensor.From(device, [1, Keys, Dim], value), new ScoreOptions { Heads = 1 });
        Tensor mask = Tensor.From(device, [1, Padded], Enumerable.Range(0, Padded).Select(static j => j < Keys).ToArray());
        Tensor actual = Operators.Attention(
            q,
            Tensor.From(device, [1, Padded, Dim], paddedKey),
            Tensor.From(device, [1, Padded, Dim], paddedValue),
            new ScoreOptions { Heads = 1, KeyMask = mask });
        CollectionAssert.AreEqual(expected.ToArray(), actual.ToArray());
    }

    [TestMethod]
    public void A_query_that_sees_no_key_is_exactly_zero_among_others_that_do()
    {
        const int Queries = 50, Keys = 20, Dim = 16;
        ComputeDevice device = TestDevices.Get("cpu");
        using StepScope step = device.BeginStep();
        var data = new CaseData(4, DType.Float32);
        Tensor q = Tensor.From(device, [1, Queries, Dim], data.Uniform(Queries * Dim)), kv = Tensor.From(device, [1, Keys, Dim], data.Uniform(Keys * Dim));
        Tensor logSumExp = Tensor.Empty(device, [1, 1, Queries]);
        float[] output = Operators.Attention(q, kv, kv, new ScoreOptions { Heads = 1, Causal = CausalAlignment.BottomRight }, logSumExp).ToArray();
        float[] logs = logSumExp.ToArray();
        for (int i = 0; i < Queries; i++)
        {
            bool dead = i < Queries - Keys;
            Assert.AreEqual(dead, output.AsSpan(i * Dim, Dim).IndexOfAnyExcept(0f) < 0, $"query {i}");
            Assert.AreEqual(dead, logs[i] == AttentionRules.DeadLogSumExp, $"log-sum-exp {i}");
        }
    }

    [TestMethod]
    public void A_bias_of_minus_the_largest_number_hides_a_key_and_a_row_of_them_is_an_average()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using StepScope step = device.BeginStep();
        Tensor q = Tensor.From(device, [1, 2, 1], [1f, 1f]), k = Tensor.From(device, [1, 2, 1], [1f, 1f]), v = Tensor.From(device, [1, 2, 1], [3f, 5f]);
        Tensor bias = Tensor.From(device, [1, 1, 2, 2], [0f, float.MinValue, float.MinValue, float.MinValue]);
        float[] output = Operators.Attention(q, k, v, new ScoreOptions { Heads = 1, Bias = bias }).ToArray();
        CollectionAssert.AreEqual(new[] { 3f, 4f }, output);
    }

    [TestMethod]
    public void A_query_that_is_not_a_number_says_so_and_leaves_the_others_alone()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using StepScope step = device.BeginStep();
        Tensor q = Tensor.From(device, [1, 2, 1], [float.NaN, 1f]), kv = Tensor.From(device, [1, 2, 1], [2f, 2f]);
        float[] output = Operators.Attention(q, kv, kv, new ScoreOptions { Heads = 1 }).ToArray();
        Assert.IsTrue(float.IsNaN(output[0]));
        Assert.AreEqual(2f, output[1]);
    }

    private static float[] RunEveryBlock(AttentionArguments arguments, DType dtype, int bits) => dtype switch
    {
        DType.Float16 => RunEveryBlock<Float16>(arguments, bits),
        DType.BFloat16 => RunEveryBlock<BFloat16>(arguments, bits),
        _ => RunEveryBlock<Float32>(arguments, bits),
    };

    private static float[] RunEveryBlock<TElement>(AttentionArguments arguments, int bits)
        where TElement : unmanaged, IElement<TElement>
    {
        arguments.Output.Write(new float[arguments.Output.Shape.Count]);
        FlashForwardVectorized<TElement> kernel = AttentionOperator.Kernel<TElement>(arguments);
        for (int block = 0; block < kernel.Blocks; block++)
        {
            if (bits == 512)
                kernel.Run<Simd512, Vector512<float>>(block);
            else if (bits == 256)
                kernel.Run<Simd256, Vector256<float>>(block);
            else
                kernel.Run<Simd128, Vector128<float>>(block);
        }

        return arguments.Output.ToArray();
    }
}
