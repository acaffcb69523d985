using GpuTransformer.Host;
using GpuTransformer.Host.CustomKernels;
using GpuTransformer.Modules;
using ILGPU;

namespace GpuTransformer.Tests.Samples;

/// <summary>docs/extending.md.</summary>
public static class ExtendingRecipes
{
    // <recipe>
    public sealed class Cube : DifferentiableFunction
    {
        protected override Tensor Forward(FunctionCall call, IReadOnlyList<Tensor> inputs)
        {
            Tensor x = call.Save(inputs[0]);
            return Operators.Multiply(x, Operators.Multiply(x, x));
        }

        protected override IReadOnlyList<Tensor?> Backward(FunctionCall call, Tensor gradient)
        {
            Tensor x = call.Saved[0];
            return [3f * gradient * x * x]; // dL/dx = dL/dy · 3 x²
        }
    }
    // </recipe>

    // <recipe>
    public struct SquareKernel : ICustomKernel<SquareKernel>
    {
        public ArrayView<float> X, Y;

        public static void Run(int index, SquareKernel kernel) => kernel.Y[index] = kernel.X[index] * kernel.X[index];
    }
    // </recipe>

    // <recipe>
    public sealed class Momentum : Optimizer
    {
        private readonly Tensor[] _velocity; // one of each parameter's shape, kept in training checkpoints as velocity.<parameter>

        public Momentum(IReadOnlyList<TrainedParameter> parameters)
            : base(parameters) => _velocity = AddMoments("velocity");

        protected override void Update(int index, Tensor gradient, double rate, float gradientScale)
        {
            Operators.CopyInto(_velocity[index], 0.9f * _velocity[index] + gradientScale * gradient);
            Operators.AddInto(Parameters[index].Value, (float)-rate * _velocity[index]);
        }
    }
    // </recipe>

    // <recipe>
    public sealed class InverseRoot : ILearningRateSchedule
    {
        public double At(long step) => 0.05 / Math.Sqrt(step + 1);
    }
    // </recipe>

    // <recipe>
    public sealed class GainedTanh : Norm
    {
        private readonly Tensor _gain; // [dim], trained, saved and loaded as "gain"

        public GainedTanh(int dim, ParameterInitializer initializer)
            : base(initializer) => _gain = AddParameter("gain", initializer.Constant([dim], 1f));

        public override Tensor Forward(Tensor x, Tensor? condition = null) => Operators.Tanh(x) * Computed(_gain);
    }
    // </recipe>

    // <recipe>
    public sealed class Ramp : AbsolutePositions
    {
        private readonly Tensor _table; // [512, dim]

        public Ramp(int dim, ParameterInitializer initializer)
            : base(dim, initializer) => _table = AddParameter("table", initializer.Normal([512, dim], 0.1f));

        public override int? Count => 512;

        protected override Tensor Leading(int length) => FirstRows(_table, length);

        protected override Tensor Lookup(Tensor pos) => Operators.Embedding(_table, pos);
    }
    // </recipe>

    public static Tensor Square(ComputeDevice device, Tensor x)
    {
        // <recipe>
        Tensor y = Tensor.Empty(device, x.Shape);
        device.Launch((int)x.Shape.Count, tensors => new SquareKernel { X = tensors.Read<float>(x), Y = tensors.Write<float>(y) });
        // </recipe>
        return y;
    }

    public static double Train(ComputeDevice device, Tensor ids, Tensor next)
    {
        // <recipe>
        var stack = new AttentionLayersOptions { Dim = 32, Depth = 2, Heads = 2, CustomNorm = static initializer => new GainedTanh(32, initializer) };
        var tokens = new TransformerWrapperOptions
        {
            NumTokens = 64, MaxSeqLen = 512, CustomPositions = static (dim, initializer) => new Ramp(dim, initializer),
        };
        using var model = new TransformerWrapper(tokens, new Decoder(stack, device));
        using var trainer = new Trainer(model, new Momentum(TrainedParameter.Of(model)), new InverseRoot());
        trainer.BeforeStep += static (_, e) => Console.WriteLine($"step {e.Step}, rate {e.Rate}");
        trainer.AfterStep += static (_, e)
            => Console.WriteLine($"loss {e.Result.Loss}, gradient norm {e.Result.GradientNorm}, largest logit {e.Result.Metrics["largest"]}");
        StepResult result = trainer.Step(() =>
        {
            Tensor logits = model.Forward(ids);
            trainer.Measure("largest", logits.Max());
            return Operators.SoftmaxCrossEntropy(logits, next);
        });
        // </recipe>
        return result.Loss;
    }
}
