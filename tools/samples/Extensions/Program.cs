using ComputeDevice device = ComputeDevice.Create(args.FirstOrDefault());
using var model = new Encoder(new() { Dim = 16, Depth = 1, Heads = 2, CustomNorm = static initializer => new OwnNorm(initializer) }, device);
using var trainer = new Trainer(model, new SignDescent(TrainedParameter.Of(model)), new InverseRoot());
float[] numbers = [.. Enumerable.Range(0, 4 * 16).Select(static i => MathF.Sin(i * 0.7f + 0.2f))];
using Tensor x = Tensor.From(device, [1, 4, 16], numbers), target = Tensor.From(device, [1, 4, 16], Array.ConvertAll(numbers, static v => v > 0f ? 1f : -1f));
double Step() => trainer.Step(() => Operators.MeanSquaredError(model.Forward(x), target)).Loss;
double first = Step(), last = Enumerable.Range(0, 200).Select(_ => Step()).Last();
Console.WriteLine($"An own norm, optimizer and schedule: the loss fell from {first:F3} to {last:F4} on {device.Id}.");
return last < first / 2 ? 0 : 1;

namespace GpuTransformer.Samples.Extensions
{
    /// <summary>y = x / r with r = √(mean x² + ε), or with a gradient dx = (dy − x · mean(dy · x) / r²) / r; one row per piece.</summary>
    public struct RowKernel : ICustomKernel<RowKernel>
    {
        public ArrayView<float> X, Gradient, Result; // [rows, dim]; Gradient is empty on the way forward
        public int Dim;

        public static void Run(int index, RowKernel kernel)
        {
            float squares = 0f, products = 0f;
            for (int i = index * kernel.Dim; i < (index + 1) * kernel.Dim; i++)
                (squares, products) = (squares + kernel.X[i] * kernel.X[i], products + kernel.X[i] * (kernel.Gradient.Length > 0 ? kernel.Gradient[i] : 0f));
            float inverse = 1f / MathF.Sqrt(squares / kernel.Dim + 1e-6f), share = products / kernel.Dim * inverse * inverse;
            for (int i = index * kernel.Dim; i < (index + 1) * kernel.Dim; i++)
                kernel.Result[i] = inverse * (kernel.Gradient.Length > 0 ? kernel.Gradient[i] - kernel.X[i] * share : kernel.X[i]);
        }
    }

    public sealed class RowNormalization : DifferentiableFunction
    {
        protected override Tensor Forward(FunctionCall call, IReadOnlyList<Tensor> inputs) => Launch(call.Save(inputs[0]), null);

        protected override IReadOnlyList<Tensor?> Backward(FunctionCall call, Tensor gradient) => [Launch(call.Saved[0], gradient)];

        private static Tensor Launch(Tensor x, Tensor? dy)
        {
            Tensor y = Tensor.Zeros(x.Device, x.Shape);
            x.Device.Launch((int)(x.Shape.Count / x.Shape[^1]), t => new RowKernel
                { X = t.Read<float>(x), Gradient = dy is null ? default : t.Read<float>(dy), Result = t.Write<float>(y), Dim = x.Shape[^1] });
            return y;
        }
    }

    public sealed class OwnNorm(ParameterInitializer initializer) : Norm(initializer)
    {
        public override Tensor Forward(Tensor x, Tensor? condition = null) => new RowNormalization().Apply(x);
    }

    public sealed class SignDescent(IReadOnlyList<TrainedParameter> parameters) : Optimizer(parameters)
    {
        protected override void Update(int index, Tensor gradient, double rate, float gradientScale)
            => Operators.AddInto(Parameters[index].Value, Operators.Scale(Operators.Sign(gradient), (float)-rate));
    }

    public sealed class InverseRoot : ILearningRateSchedule
    {
        public double At(long step) => 0.01 / Math.Sqrt(step + 1);
    }
}
