using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Samples;

/// <summary>
/// The C# of the documents. What is between the markers is there word for word (<see cref="RecipeTests"/>), and what stands around it is what the text around
/// it says.
/// </summary>
internal static class DocumentRecipes
{
    /// <summary>README: data in and out.</summary>
    public static (float[] Doubled, long[] Ids) Data(ComputeDevice device)
    {
        // <recipe>
        float[] values = [1, 2, 3, 4, 5, 6];
        using Tensor table = Tensor.From(device, [2, 3], values);                 // row by row
        using Tensor small = Tensor.From(device, [2, 3], values, DType.BFloat16); // the same, stored in two bytes
        using Tensor ids = Tensor.From(device, [1, 4], [7, 0, 2, 2]);             // integers: token ids, labels
        using Tensor mask = Tensor.From(device, [1, 4], [true, true, true, false]);

        using Tensor doubled = Operators.Scale(table, 2f);                        // queued on the device
        float[] result = doubled.ToArray();                                       // waits for it: 2, 4, 6, 8, 10, 12
        long[] back = ids.ToInt64Array();
        // </recipe>
        return (result, back);
    }

    /// <summary>docs/algebra.md.</summary>
    public static Tensor Algebra(ComputeDevice device, Tensor queries, Tensor keys)
    {
        // <recipe>
        queries.RequiresGradient = true;
        using StepScope step = device.BeginStep(record: true);
        Tensor similarity = Operators.BatchedMatrixMultiply(queries, keys, transposeRight: true) / 8f; // [batch, n, m]
        (Tensor best, Tensor places) = similarity.TopK(4);                                             // the four best keys of each query
        Tensor weights = Operators.Softmax(best);
        Tensor entropy = -(weights * Operators.Log(Operators.Maximum(weights, 1e-9f))).Sum(-1);        // [batch, n]
        Tensor sure = entropy < 0.5f;                                                                  // a mask
        step.Backward(Operators.Where(sure, entropy, 0f).Mean());
        // </recipe>
        return step.Keep(places);
    }

    /// <summary>README: training.</summary>
    public static void Training(Encoder model, Tensor x, Tensor context, Tensor target)
    {
        // <recipe>
        using var trainer = new Trainer(
            model, new AdamW(TrainedParameter.Of(model)), new LearningRateSchedule { Peak = 1e-3, WarmUpSteps = 50, TotalSteps = 1000 }) { ClipNorm = 1 };
        while (trainer.StepNumber < 1000)
            Console.WriteLine(trainer.Step(() => Operators.MeanSquaredError(model.Forward(x, context), target)).Loss);
        trainer.Save("run.safetensors");
        // </recipe>
    }

    /// <summary>docs/training.md: a training program.</summary>
    public static void TrainingProgram()
    {
        // <recipe>
        using ComputeDevice device = ComputeDevice.Create();
        using var model = new Encoder(
            new AttentionLayersOptions { Dim = 64, Depth = 2, Heads = 4, CrossAttend = true, CrossAttn = new() { DimContext = 128 } }, device);
        using var trainer = new Trainer(
            model, new AdamW(TrainedParameter.Of(model)), new LearningRateSchedule { Peak = 1e-3, WarmUpSteps = 10, TotalSteps = 100 }) { ClipNorm = 1 };
        var random = new Random(1);
        while (trainer.StepNumber < 100)
        {
            // Your data: 8 samples of 16 tokens, each with a context of 20 tokens, and what shall come out.
            float[] inputs = Draw(8 * 16 * 64), contexts = Draw(8 * 20 * 128), targets = Draw(8 * 16 * 64);
            StepResult step = trainer.Step(() =>
            {
                Tensor x = Tensor.From(device, [8, 16, 64], inputs), context = Tensor.From(device, [8, 20, 128], contexts);
                Tensor target = Tensor.From(device, [8, 16, 64], targets);
                return Operators.MeanSquaredError(model.Forward(x, context), target);
            });
            Console.WriteLine($"{step.Step}: {step.Loss}");
        }

        trainer.Save("run.safetensors");

        float[] Draw(int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
        // </recipe>
    }

    /// <summary>docs/training.md: rates by pattern.</summary>
    public static void Groups(Module model)
    {
        // <recipe>
        TrainedParameter.Of(model, groups: [new ParameterGroup("encoder.*") { RateFactor = 0.1 }, new ParameterGroup("*.bias") { RateFactor = 2 }]);
        // </recipe>
    }

    /// <summary>docs/training.md: without the trainer.</summary>
    public static void WithoutTrainer(ComputeDevice device, Encoder model, Tensor x, Tensor context, Tensor target)
    {
        // <recipe>
        using var optimizer = new AdamW(TrainedParameter.Of(model));
        using (StepScope step = device.BeginStep(record: true))
            step.Backward(Operators.MeanSquaredError(model.Forward(x, context), target));
        optimizer.Step(1e-3);
        optimizer.ClearGradients();
        // </recipe>
    }

    /// <summary>docs/training.md: mixed precision.</summary>
    public static DType MixedPrecision(ComputeDevice device, AttentionLayersOptions options)
    {
        // <recipe>
        using var model = new Encoder(options, device) { ComputeDType = DType.BFloat16 };
        // </recipe>
        return model.ComputeDType;
    }

    /// <summary>docs/modules.md: whole models.</summary>
    public static Shape WholeModel(ComputeDevice device, Tensor ids, Tensor prompts)
    {
        // <recipe>
        using var gpt = new AutoregressiveWrapper(new TransformerWrapper(
            new TransformerWrapperOptions { NumTokens = 256, MaxSeqLen = 512, TieEmbedding = true },
            new Decoder(new AttentionLayersOptions { Dim = 256, Depth = 4, Heads = 4 }, device)));
        Tensor loss = gpt.Loss(ids);                                                   // [batch, sequence] of Int32 or Int64
        Tensor text = gpt.Generate(prompts, 64, new GenerationOptions { TopK = 20, Seed = 1 });
        // </recipe>
        Assert.IsTrue(float.IsFinite(loss.ToArray()[0]));
        return text.Shape;
    }

    /// <summary>The package's own README.</summary>
    public static void Package()
    {
        // <recipe>
        using ComputeDevice device = ComputeDevice.Create();                    // CUDA, else an OpenCL GPU, else the processor
        using var model = new Encoder(new AttentionLayersOptions { Dim = 64, Depth = 2, Heads = 4 }, device);
        using StepScope step = device.BeginStep();                              // owns every tensor below; the next step reuses their memory

        float[] values = [.. Enumerable.Range(0, 2 * 10 * 64).Select(static i => MathF.Sin(i))];
        Tensor x = Tensor.From(device, [2, 10, 64], values);                    // 2 sequences of 10 vectors of width 64
        float[] y = model.Forward(x).ToArray();                                 // as many numbers, back on the host
        Console.WriteLine($"{model.ParameterCount:N0} parameters on {device}: {y[0]}, {y[1]}, …");
        // </recipe>
    }
}
