// A narrow student learns from a wide teacher by attending its hidden states: no projection between the widths, the student's key and value weights are
// rectangular.
//
//   dotnet run --project tools/samples/Distillation -c Release [-- DEVICE]
//
// The teacher (width 128) learns to sort 16 symbols. The student (width 32, one block) then learns to give the teacher's scores from fresh sequences, without
// ever seeing a sorted one: once attending the teacher's hidden states, once without. To reach: the attending student agrees with the teacher on at least 97 %
// of the symbols and the other one on fewer. Half a minute on four cores.
using GpuTransformer.Host;
using GpuTransformer.Modules;
using GpuTransformer.Samples;

const int Batch = 128, TeacherSteps = 500, StudentSteps = 400, TeacherDim = 128, StudentDim = 32, TestSequences = 512;

using ComputeDevice device = ComputeDevice.Create(args.FirstOrDefault());
using var teacher = new SortingModel(TeacherDim, depth: 2, teacherDim: null, new ParameterInitializer(device, seed: 1));
Console.WriteLine($"teacher: {teacher.ParameterCount:N0} parameters on {device}");
Train(teacher, TeacherSteps, sequences =>
{
    int[] sorted = [.. sequences.Chunk(SortingModel.Length).SelectMany(static s => s.Order())];
    Tensor scores = teacher.Forward(Upload(sequences));
    return Operators.SoftmaxCrossEntropy(scores.Reshape([sorted.Length, SortingModel.Symbols]), Tensor.From(device, [sorted.Length], sorted));
});

double attending = Distil(new SortingModel(StudentDim, depth: 1, TeacherDim, new ParameterInitializer(device, seed: 2)), attends: true);
double alone = Distil(new SortingModel(StudentDim, depth: 1, teacherDim: null, new ParameterInitializer(device, seed: 2)), attends: false);
int[] test = Draw(TestSequences, seed: -1), answers = Answer(test);
double right = Agreement(answers, [.. test.Chunk(SortingModel.Length).SelectMany(static s => s.Order())]);
Console.WriteLine($"teacher: {right:p2} of the symbols right; students agree with it on {attending:p2} attending its hidden states (to reach: 97 %), "
    + $"{alone:p2} without");
return attending >= 0.97 && alone < attending ? 0 : 1;

// What is computed outside a training step belongs to a scope of its own, which gives the memory back.
int[] Answer(int[] sequences)
{
    using StepScope scope = device.BeginStep();
    return Best(Teach(Upload(sequences)).Scores);
}

double Distil(SortingModel student, bool attends)
{
    using SortingModel owned = student;
    Console.WriteLine($"student: {student.ParameterCount:N0} parameters, {(attends ? "attending the teacher" : "on its own")}");
    Train(student, StudentSteps, sequences =>
    {
        Tensor input = Upload(sequences);
        (Tensor scores, Tensor hidden) = Teach(input);
        return Operators.MeanSquaredError(student.Forward(input, attends ? hidden : null), scores);
    });
    using StepScope scope = device.BeginStep();
    Tensor fresh = Upload(Draw(TestSequences, seed: -1));
    (Tensor wanted, Tensor attended) = Teach(fresh);
    return Agreement(Best(student.Forward(fresh, attends ? attended : null)), Best(wanted));
}

// The teacher is finished: nothing of it is recorded and no gradient reaches it. The student attends the stream before the teacher's last feedforward.
(Tensor Scores, Tensor Hidden) Teach(Tensor sequences)
{
    using StepScope pause = device.NoGradient();
    var hiddens = new List<Tensor>();
    Tensor scores = teacher.Forward(sequences, hiddens: hiddens);
    return (scores, hiddens[^2]);
}

void Train(SortingModel model, int steps, Func<int[], Tensor> loss)
{
    using var trainer = new Trainer(model, new AdamW(TrainedParameter.Of(model)),
        new LearningRateSchedule { Peak = 2e-3, WarmUpSteps = 50, TotalSteps = steps }) { ClipNorm = 1 };
    while (trainer.StepNumber < steps)
    {
        StepResult step = trainer.Step(() => loss(Draw(Batch, seed: (int)trainer.StepNumber)));
        if (step.Step % 100 == 99)
            Console.WriteLine($"  step {step.Step + 1}: loss {step.Loss:f4}");
    }
}

Tensor Upload(int[] sequences) => Tensor.From(device, [sequences.Length / SortingModel.Length, SortingModel.Length], sequences);

static int[] Draw(int count, int seed)
{
    var random = new Random(seed);
    return [.. Enumerable.Range(0, count * SortingModel.Length).Select(_ => random.Next(SortingModel.Symbols))];
}

static int[] Best(Tensor scores) => [.. scores.ToArray().Chunk(SortingModel.Symbols).Select(static row => Array.IndexOf(row, row.Max()))];

static double Agreement(int[] a, int[] b) => a.Zip(b).Count(static pair => pair.First == pair.Second) / (double)a.Length;
