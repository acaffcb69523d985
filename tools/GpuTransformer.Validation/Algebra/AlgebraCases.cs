using GpuTransformer.Host;
using GpuTransformer.Kernels;

namespace GpuTransformer.Validation;

/// <summary>The validation sweeps of the tensor algebra: one line for each function, its formula and derivatives written anew.</summary>
internal static class AlgebraCases
{
    // Numbers whose magnitude lies in a range; of both signs or only positive.
    private readonly record struct Domain(float Low, float High, bool IsSigned);

    private static readonly Domain s_all = new(0f, 3f, true), s_positive = new(0.2f, 4f, false), s_divisor = new(0.3f, 3f, true);

    private static readonly Domain s_angle = new(0f, 20000f, true), s_wide = new(0f, 30f, true);

    /// <summary>Leading, middle and trailing axes broadcast, absent and of length one, on either side.</summary>
    private static readonly (int[] Left, int[] Right, ValidationSize Size)[] s_everyShape =
    [
        ([1], [], ValidationSize.Tiny), ([17], [17], ValidationSize.Tiny), ([3, 17], [17], ValidationSize.Tiny), ([2, 1, 5], [3, 1], ValidationSize.Tiny),
        ([443], [1], ValidationSize.Quick), ([7, 443], [7, 1], ValidationSize.Quick), ([1, 17, 40], [5, 1, 40], ValidationSize.Quick),
        ([3, 1, 5, 1, 2, 1], [1, 2, 1, 3, 1, 17], ValidationSize.Quick),
        ([300, 1023], [1023], ValidationSize.Full),
    ];

    // Which element is read where is the kernel's doing, and all functions share one kernel: so one function of one number and one of two run every shape in
    // every data type. What is a function's own is its formula, which one vector with a remainder shows in each data type, and the order of its operands, which
    // one broadcast shows.
    private static readonly (int[] Left, int[] Right, ValidationSize Size)[] s_shapes =
        [([17], [17], ValidationSize.Tiny), ([300, 1023], [1023], ValidationSize.Full)];

    private static readonly (int[] Left, int[] Right, ValidationSize Size) s_broadcast = ([2, 1, 5], [3, 1], ValidationSize.Tiny);

    /// <summary>All of them.</summary>
    public static readonly IReadOnlyList<OperatorSweep> Sweeps =
    [
        .. Unary<ExpFunction>(s_all, Math.Exp, static (g, x) => g * Math.Exp(x)),
        .. Unary<LogFunction>(s_positive, Math.Log, static (g, x) => g / x),
        .. Unary<SqrtFunction>(s_positive, Math.Sqrt, static (g, x) => g / (2 * Math.Sqrt(x))),
        .. Unary<SquareFunction>(s_all, static x => x * x, static (g, x) => 2 * g * x),
        .. Unary<TanhFunction>(s_all, Math.Tanh, static (g, x) => g / (Math.Cosh(x) * Math.Cosh(x)), everyShape: true),
        .. Unary<SigmoidFunction>(s_all, static x => 1 / (1 + Math.Exp(-x)), static (g, x) => g / (2 + Math.Exp(x) + Math.Exp(-x))),
        .. Unary<AbsFunction>(s_all, Math.Abs, static (g, x) => g * Math.Sign(x)),
        .. Unary<SinFunction>(s_angle, Math.Sin, static (g, x) => g * Math.Cos(x)),
        .. Unary<CosFunction>(s_angle, Math.Cos, static (g, x) => -g * Math.Sin(x)),
        .. Unary<SoftplusFunction>(s_wide, static x => Math.Log(1 + Math.Exp(x)), static (g, x) => g / (1 + Math.Exp(-x))),
        .. Unary<ReciprocalFunction>(s_divisor, static x => 1 / x, static (g, x) => -g / (x * x)),
        .. Unary<NegateFunction>(s_all, static x => -x, static (g, _) => -g),
        .. Unary<SignFunction>(s_all, static x => Math.Sign(x), static (_, _) => 0),
        .. Unary(s_all, static x => -1.5 * x + 0.75, static (g, _) => -1.5 * g, new AffineFunction(-1.5f, 0.75f)),
        .. Unary(s_all, static x => x / 3, static (g, _) => g / 3, new DivideByNumberFunction(3f)),
        .. Unary(s_divisor, static x => 3 / x, static (g, x) => -g * 3 / (x * x), new DivideNumberFunction(3f)),
        .. Unary(s_divisor, static x => Math.Pow(x, -3), static (g, x) => g * -3 * Math.Pow(x, -4), new PowerOfNumberFunction(-3f)),
        .. Binary<BroadcastAddFunction>(s_all, static (a, b) => a + b, static (g, _, _) => g, static (g, _, _) => g),
        .. Binary<BroadcastMultiplyFunction>(s_all, static (a, b) => a * b, static (g, _, b) => g * b, static (g, a, _) => g * a),
        .. Binary<SubtractFunction>(s_all, static (a, b) => a - b, static (g, _, _) => g, static (g, _, _) => -g),
        .. Binary<DivideFunction>(s_divisor, static (a, b) => a / b, static (g, _, b) => g / b, static (g, a, b) => -g * a / (b * b), everyShape: true),
        .. Binary<PowerFunction>(
            s_positive, Math.Pow, static (g, a, b) => g * b * Math.Pow(a, b - 1), static (g, a, b) => g * Math.Pow(a, b) * Math.Log(a)),
        .. Binary<MaximumFunction>(s_all, Math.Max, static (g, a, b) => g * Share(a, b), static (g, a, b) => g * Share(b, a)),
        .. Binary<MinimumFunction>(s_all, Math.Min, static (g, a, b) => g * Share(b, a), static (g, a, b) => g * Share(a, b)),
    ];

    private static double Share(double wins, double over) => wins > over ? 1 : wins == over ? 0.5 : 0;

    private static OperatorSweep[] Unary<TFunction>(
        Domain domain, Func<double, double> apply, Func<double, double, double> gradient, TFunction function = default, bool everyShape = false)
        where TFunction : unmanaged, IUnaryFunction<TFunction> =>
    [
        Sweep(UnaryOperator<TFunction>.Forward, new UnaryForward<TFunction>(function), [domain], v => apply(v[0]), false, everyShape),
        Sweep(UnaryOperator<TFunction>.Backward, new UnaryBackward<TFunction>(function), [s_all, domain], v => gradient(v[0], v[1]), true, everyShape),
    ];

    private static OperatorSweep[] Binary<TFunction>(
        Domain domain, Func<double, double, double> apply, Func<double, double, double, double> left, Func<double, double, double, double> right,
        bool everyShape = false)
        where TFunction : unmanaged, IBinaryFunction<TFunction> =>
    [
        Sweep(BinaryOperator<TFunction>.Forward, default, [domain, domain], v => apply(v[0], v[1]), false, everyShape),
        Sweep(BinaryOperator<TFunction>.Left, default, [s_all, domain, domain], v => left(v[0], v[1], v[2]), true, everyShape),
        Sweep(BinaryOperator<TFunction>.Right, default, [s_all, domain, domain], v => right(v[0], v[1], v[2]), true, everyShape),
    ];

    private static OperatorSweep Sweep<TMap>(
        OperatorDefinition<BroadcastArguments<TMap>> definition, TMap map, Domain[] domains, Func<double[], double> exact, bool isGradient, bool everyShape)
        where TMap : unmanaged, IBroadcastMap<TMap>
        => OperatorSweep.Of(
            definition,
            seed => from dtype in ElementwiseCases.DTypes
                    let isBinary = domains.Length - (isGradient ? 1 : 0) > 1
                    from shape in everyShape ? s_everyShape : isBinary && dtype == DType.Float32 ? [s_broadcast, .. s_shapes] : s_shapes
                    select Case(seed, map, dtype, shape.Left, shape.Right, shape.Size, domains, exact, isGradient));

    private static ValidationCase<BroadcastArguments<TMap>> Case<TMap>(
        int seed, TMap map, DType dtype, int[] left, int[] right, ValidationSize size, Domain[] domains, Func<double[], double> exact, bool isGradient)
        where TMap : unmanaged, IBroadcastMap<TMap>
    {
        int[] whole = [.. Enumerable.Range(0, Math.Max(left.Length, right.Length)).Reverse().Select(i => Math.Max(Length(left, i), Length(right, i)))];
        int[][] shapes = isGradient ? [whole, left, right] : [left, right];
        shapes = domains.Length == shapes.Length ? shapes : isGradient ? [left, left] : [left];
        int[] output = domains.Length == 1 || (isGradient && domains.Length == 2) ? left : whole;
        var data = new CaseData(CaseData.Seed(seed, [.. left, -1, .. right]), dtype);
        float[][] values = [.. shapes.Select((shape, k) => Draw(data, new Shape(shape).Count, domains[k]))];
        return new ValidationCase<BroadcastArguments<TMap>>(
            $"{string.Join(" with ", shapes.Select(static s => new Shape(s)))} {dtype} {new Shape(right)}",
            size,
            dtype,
            device =>
            {
                Tensor[] operands = [.. shapes.Select((shape, k) => Tensor.From(device, shape, values[k], dtype))];
                Tensor? second = operands.ElementAtOrDefault(1), third = operands.ElementAtOrDefault(2);
                BroadcastWalk walk = BroadcastLayout.Walk(output, operands[0].Shape, (second ?? operands[0]).Shape, (third ?? operands[0]).Shape);
                return new BroadcastArguments<TMap>(operands[0], second, third, Tensor.Empty(device, output, dtype), walk, map);
            },
            static arguments => [("output", arguments.Output)],
            () =>
            {
                double[] result = [.. Enumerable.Range(0, checked((int)new Shape(output).Count)).Select(i
                    => exact([.. shapes.Select((shape, k) => (double)values[k][Index(i, output, shape)])]))];
                return [data.Expect("output", result, Array.ConvertAll(result, static x => (float)x))];
            },
            isGradient);
    }

    // The place of element i of the output in an operand, axis by axis from the last.
    internal static int Index(int i, int[] output, int[] shape)
    {
        int index = 0, stride = 1;
        for (int axis = 0; axis < output.Length; axis++)
        {
            int length = Length(output, axis), own = Length(shape, axis);
            index += own == 1 ? 0 : i % length * stride;
            stride *= own;
            i /= length;
        }

        return index;
    }

    private static int Length(int[] shape, int fromLast) => fromLast < shape.Length ? shape[^(fromLast + 1)] : 1;

    private static float[] Draw(CaseData data, long count, Domain domain)
        => Array.ConvertAll(data.Uniform(count), u =>
        {
            float magnitude = domain.Low + Math.Abs(u) * (domain.High - domain.Low);
            return FloatConversion.Round(domain.IsSigned && u < 0 ? -magnitude : magnitude, data.DType);
        });
}
