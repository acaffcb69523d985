using GpuTransformer.Host;
using GpuTransformer.Kernels;

namespace GpuTransformer.Validation;

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
                static a
                    => a.Second is null
                        ? [("parameter", a.Parameter), ("first", a.First)]
                        : [("parameter", a.Parameter), ("first", a.First), ("second", a.Second)],
                () => Expect(data, parameter, first, second, gradient, exact, plain));
        }
    }

    private static List<Expected> Expect(
        CaseData data,
        float[] parameter,
        float[] first,
        float[] second,
        float[] gradient,
        Func<State<double>, (double, double, double)> exact,
        Func<State<float>, (float, float, float)> plain)
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
