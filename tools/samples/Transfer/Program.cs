// An encoder learns from pictures without labels, is saved, and is loaded under a new decoder of another width, which learns from a handful of labels.
//
//   dotnet run --project tools/samples/Transfer -c Release [-- DEVICE]
//
// The pictures are noisy waves in eight directions; the encoder of a masked autoencoder (width 96) stays as it was loaded, the decoder (width 32) learns from
// 128 labelled pictures. To reach: at least 90 % right on fresh pictures, and more than the same decoder reaches over an encoder that has learned nothing.
// Guessing gets 12.5 %. Half a minute on four cores.
using GpuTransformer.Host;
using GpuTransformer.Modules;
using GpuTransformer.Samples;

const int Batch = 128, PretrainSteps = 800, ReaderSteps = 200, Labels = 128, TestPictures = 2048, Visible = 6;

using ComputeDevice device = ComputeDevice.Create(args.FirstOrDefault());
string checkpoint = Path.Combine(Path.GetTempPath(), $"gratings-{Environment.ProcessId}.safetensors");
try
{
    Pretrain();
    double transferred = Read(checkpoint), untrained = Read(null);
    Console.WriteLine($"right on fresh pictures: {transferred:p1} with the encoder of the checkpoint (to reach: 90 %), {untrained:p1} with an untrained one");
    return transferred >= 0.90 && transferred > untrained ? 0 : 1;
}
finally
{
    File.Delete(checkpoint);
}

void Pretrain()
{
    using var model = new MaskedAutoencoder(
        new MaskedAutoencoderOptions
        {
            GridRows = Gratings.Grid, GridColumns = Gratings.Grid, PatchDim = Gratings.PatchDim,
            EncoderDim = DirectionReader.EncoderDim, EncoderDepth = DirectionReader.EncoderDepth, DecoderDim = 48, DecoderDepth = 1,
        },
        device,
        seed: 1);
    Train(model, PretrainSteps, step =>
    {
        (float[] patches, _) = Gratings.Draw(Batch, step);
        (int[] visible, int[] hidden) = DrawMasks(step);
        Tensor picture = Tensor.From(device, [Batch, Gratings.Patches, Gratings.PatchDim], patches);
        Tensor visibleIndex = Tensor.From(device, [Batch, Visible], visible), hiddenIndex = Tensor.From(device, [Batch, Gratings.Patches - Visible], hidden);
        return Operators.MeanSquaredError(model.Forward(Operators.GatherRows(picture, visibleIndex), visibleIndex, hiddenIndex),
            Operators.GatherRows(picture, hiddenIndex));
    });
    model.Save(checkpoint);
}

double Read(string? encoder)
{
    using var model = new DirectionReader(new ParameterInitializer(device, seed: 2));
    if (encoder is not null)
    {
        using SafetensorsReader file = SafetensorsReader.Open(encoder);
        model.LoadEncoder(file);
    }

    (float[] patches, int[] directions) = Gratings.Draw(Labels, seed: -1);
    Train(model, ReaderSteps, _ => Operators.SoftmaxCrossEntropy(model.Forward(Upload(patches)), Tensor.From(device, [Labels], directions)),
        DirectionReader.IsEncoder);

    (float[] fresh, int[] truth) = Gratings.Draw(TestPictures, seed: -2);
    using StepScope scope = device.BeginStep();
    int[] found = [.. model.Forward(Upload(fresh)).ToArray().Chunk(Gratings.Directions).Select(static row => Array.IndexOf(row, row.Max()))];
    return found.Zip(truth).Count(static pair => pair.First == pair.Second) / (double)TestPictures;
}

void Train(Module model, int steps, Func<int, Tensor> loss, Func<string, bool>? frozen = null)
{
    using var trainer = new Trainer(model, new AdamW(TrainedParameter.Of(model, frozen)),
        new LearningRateSchedule { Peak = 2e-3, WarmUpSteps = 20, TotalSteps = steps }) { ClipNorm = 1 };
    while (trainer.StepNumber < steps)
    {
        StepResult step = trainer.Step(() => loss((int)trainer.StepNumber));
        if (step.Step % 100 == 99)
            Console.WriteLine($"  {model.GetType().Name}, step {step.Step + 1}: loss {step.Loss:f4}");
    }
}

Tensor Upload(float[] patches) => Tensor.From(device, [patches.Length / (Gratings.Patches * Gratings.PatchDim), Gratings.Patches, Gratings.PatchDim], patches);

static (int[] Visible, int[] Hidden) DrawMasks(int seed)
{
    var random = new Random(seed);
    int[][] orders = [.. Enumerable.Range(0, Batch).Select(_ =>
    {
        int[] patches = [.. Enumerable.Range(0, Gratings.Patches)];
        random.Shuffle(patches);
        return patches;
    })];
    return ([.. orders.SelectMany(static o => o[..Visible])], [.. orders.SelectMany(static o => o[Visible..])]);
}
