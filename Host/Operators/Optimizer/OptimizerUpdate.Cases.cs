using GpuTransformer.Kernels;
using GpuTransformer.Kernels.Reference;

namespace GpuTransformer.Host;

/// <summary>AdamW in the catalogue.</summary>
internal static class AdamWOperator
{
    private static readonly AdamWStep s_case = new(3e-3, 7, 0.05, 0.9, 0.95, 1e-8);

    public static readonly OperatorDefinition<OptimizerArguments<AdamWRule>> Definition = OptimizerOperator<AdamWRule>.Define(
        "AdamWUpdate",
        "p ← p − rate · decay · p − rate · m̂ / (sqrt(v̂) + ε)",
        static seed => OptimizerCases.Sweep(seed, Rule(s_case), static s => Step(s), static s => Step(s)));

    public static AdamWRule Rule(in AdamWStep step) => new()
    {
        Keep = (float)(1 - step.Rate * step.Decay),
        Beta1 = (float)step.Beta1,
        Beta2 = (float)step.Beta2,
        StepSize = (float)(step.Rate / (1 - Math.Pow(step.Beta1, step.Step))),
        InverseRootCorrection = (float)(1 / Math.Sqrt(1 - Math.Pow(step.Beta2, step.Step))),
        Epsilon = (float)step.Epsilon,
    };

    private static (T Parameter, T First, T Second) Step<T>(OptimizerCases.State<T> s)
        where T : System.Numerics.IFloatingPointIeee754<T>
        => OptimizerReference.AdamW(s.Parameter, s.First, s.Second, s.Gradient, s_case.Rate, s_case.Beta1, s_case.Beta2, s_case.Epsilon, s_case.Decay, (int)s_case.Step);
}

/// <summary>Gradient descent with momentum in the catalogue.</summary>
internal static class SgdOperator
{
    private const double Rate = 1e-2, Momentum = 0.9, Decay = 1e-3;

    public static readonly OperatorDefinition<OptimizerArguments<SgdRule>> Definition = OptimizerOperator<SgdRule>.Define(
        "SgdUpdate",
        "m ← μ m + g + decay · p; p ← p − rate · m",
        static seed => OptimizerCases.Sweep(seed, Rule(Rate, Momentum, Decay), static s => Step(s), static s => Step(s)));

    public static SgdRule Rule(double rate, double momentum, double decay) => new() { Rate = (float)rate, Momentum = (float)momentum, Decay = (float)decay };

    private static (T Parameter, T First, T Second) Step<T>(OptimizerCases.State<T> s)
        where T : System.Numerics.IFloatingPointIeee754<T>
    {
        (T parameter, T first) = OptimizerReference.Sgd(s.Parameter, s.First, s.Gradient, Rate, Momentum, Decay);
        return (parameter, first, s.Second);
    }
}

/// <summary>Lion in the catalogue.</summary>
internal static class LionOperator
{
    private const double Rate = 1e-3, Beta1 = 0.9, Beta2 = 0.99, Decay = 0.1;

    public static readonly OperatorDefinition<OptimizerArguments<LionRule>> Definition = OptimizerOperator<LionRule>.Define(
        "LionUpdate",
        "u = β₁ m + (1 − β₁) g; p ← (1 − rate · decay) p − rate · sign(u); m ← β₂ m + (1 − β₂) g",
        static seed => OptimizerCases.Sweep(seed, Rule(Rate, Beta1, Beta2, Decay), static s => Step(s), static s => Step(s)));

    public static LionRule Rule(double rate, double beta1, double beta2, double decay)
        => new() { Keep = (float)(1 - rate * decay), Rate = (float)rate, Beta1 = (float)beta1, Beta2 = (float)beta2 };

    private static (T Parameter, T First, T Second) Step<T>(OptimizerCases.State<T> s)
        where T : System.Numerics.IFloatingPointIeee754<T>
    {
        (T parameter, T first) = OptimizerReference.Lion(s.Parameter, s.First, s.Gradient, Rate, Beta1, Beta2, Decay);
        return (parameter, first, s.Second);
    }
}

/// <summary>The validation sweep that optimizers share.</summary>
internal static class OptimizerCases
{
    private const float GradientScale = 0.5f;

    /// <summary>One parameter, its moments and its (already scaled) gradient.</summary>
    public readonly record struct State<T>(T Parameter, T First, T Second, T Gradient);

    public static IEnumerable<ValidationCase<OptimizerArguments<TRule>>> Sweep<TRule>(
        int seed, TRule rule, Func<State<double>, (double, double, double)> exact, Func<State<float>, (float, float, float)> plain)
        where TRule : unmanaged, IUpdateRule<TRule>
    {
        foreach ((int count, ValidationSize size) in ElementwiseCases.Counts)
        {
            var data = new CaseData(CaseData.Seed(seed, count), DType.Float32);
            float[] parameter = data.Uniform(count), gradient = data.Uniform(count), first = data.Uniform(count, 0.5f);
            float[] second = Array.ConvertAll(data.Uniform(count, 0.5f), static v => v * v);
            yield return new ValidationCase<OptimizerArguments<TRule>>(
                $"{count}",
                size,
                DType.Float32,
                device => new OptimizerArguments<TRule>(
                    Tensor.From(device, [count], parameter),
                    Tensor.From(device, [count], gradient),
                    Tensor.From(device, [count], first),
                    TRule.Moments == 2 ? Tensor.From(device, [count], second) : null,
                    GradientScale,
                    rule),
                static a => a.Second is null ? [("parameter", a.Parameter), ("first", a.First)] : [("parameter", a.Parameter), ("first", a.First), ("second", a.Second)],
                () => Expect(data, parameter, first, second, gradient, exact, plain));
        }
    }

    private static List<Expected> Expect(
        CaseData data, float[] parameter, float[] first, float[] second, float[] gradient, Func<State<double>, (double, double, double)> exact, Func<State<float>, (float, float, float)> plain)
    {
        int count = parameter.Length;
        var wide = new (double P, double M, double V)[count];
        var narrow = new (float P, float M, float V)[count];
        for (int i = 0; i < count; i++)
        {
            float scaled = gradient[i] * GradientScale;
            wide[i] = exact(new State<double>(parameter[i], first[i], second[i], scaled));
            narrow[i] = plain(new State<float>(parameter[i], first[i], second[i], scaled));
        }

        return
        [
            data.Expect("parameter", Array.ConvertAll(wide, static w => w.P), Array.ConvertAll(narrow, static n => n.P)),
            data.Expect("first", Array.ConvertAll(wide, static w => w.M), Array.ConvertAll(narrow, static n => n.M)),
            data.Expect("second", Array.ConvertAll(wide, static w => w.V), Array.ConvertAll(narrow, static n => n.V)),
        ];
    }
}
