using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>Computes, records and lists the functions of the tensor algebra.</summary>
internal static class Algebra
{
    /// <summary>
    /// Every operator that a function of the algebra makes, found by the interface that the function implements, so that a new one is listed by being there.
    /// </summary>
    public static IEnumerable<OperatorDefinition> Operators()
        => from type in typeof(Algebra).Assembly.GetTypes()
           from contract in type.GetInterfaces()
           where contract.IsGenericType
           let kind = contract.GetGenericTypeDefinition()
           where kind == typeof(IUnaryFunction<>) || kind == typeof(IBinaryFunction<>)
           orderby type.Name
           from field in (kind == typeof(IUnaryFunction<>) ? typeof(UnaryOperator<>) : typeof(BinaryOperator<>)).MakeGenericType(type).GetFields()
           select (OperatorDefinition)field.GetValue(null)!;

    /// <summary>f(input), recorded.</summary>
    public static Tensor Unary<TFunction>(
        Tensor input,
        TFunction function,
        OperatorDefinition<BroadcastArguments<UnaryForward<TFunction>>> forward,
        OperatorDefinition<BroadcastArguments<UnaryBackward<TFunction>>> backward,
        string name = "input")
        where TFunction : unmanaged, IUnaryFunction<TFunction>
    {
        ArgumentNullException.ThrowIfNull(input, name);
        Arguments.CheckFloating(input.Device, input, name);
        Tensor output = Map(forward, input.Shape, input, null, null, new UnaryForward<TFunction>(function));
        if (input.Device.Records(input))
            Record(input, function, output, backward);
        return output;

        static void Record(Tensor input, TFunction function, Tensor output, OperatorDefinition<BroadcastArguments<UnaryBackward<TFunction>>> backward)
            => input.Device.Record(
                output,
                gradient => GradientTape.Accumulate(input, Map(backward, input.Shape, gradient, input, null, new UnaryBackward<TFunction>(function))),
                input);
    }

    /// <summary>f(left, right), broadcast and recorded.</summary>
    public static Tensor Binary<TFunction>(
        Tensor left,
        Tensor right,
        OperatorDefinition<BroadcastArguments<BinaryForward<TFunction>>> forward,
        OperatorDefinition<BroadcastArguments<BinaryLeftBackward<TFunction>>> leftBackward,
        OperatorDefinition<BroadcastArguments<BinaryRightBackward<TFunction>>> rightBackward)
        where TFunction : unmanaged, IBinaryFunction<TFunction>
    {
        ArgumentNullException.ThrowIfNull(left);
        Arguments.CheckFloating(left.Device, left);
        Arguments.Check(left.Device, right, left.DType);
        Shape shape = BroadcastLayout.Common(left.Shape, right.Shape, nameof(right));
        Tensor output = Map(forward, shape, left, right, null, default);
        if (left.Device.Records(left, right))
            Record(left, right, output, leftBackward, rightBackward);
        return output;

        static void Record(
            Tensor left,
            Tensor right,
            Tensor output,
            OperatorDefinition<BroadcastArguments<BinaryLeftBackward<TFunction>>> leftBackward,
            OperatorDefinition<BroadcastArguments<BinaryRightBackward<TFunction>>> rightBackward)
            => left.Device.Record(
                output,
                gradient =>
                {
                    if (GradientTape.Wants(left))
                        GradientTape.Accumulate(left, BroadcastLayout.SumTo(Map(leftBackward, gradient.Shape, gradient, left, right, default), left.Shape));
                    if (GradientTape.Wants(right))
                        GradientTape.Accumulate(right, BroadcastLayout.SumTo(Map(rightBackward, gradient.Shape, gradient, left, right, default), right.Shape));
                },
                left,
                right);
    }

    /// <summary>One launch, not recorded: the map of operands that are broadcast; in the first one's data type if none is given.</summary>
    public static Tensor Map<TMap>(
        OperatorDefinition<BroadcastArguments<TMap>> definition, Shape shape, Tensor first, Tensor? second, Tensor? third, TMap map, DType? dtype = null)
        where TMap : unmanaged, IBroadcastMap<TMap>
    {
        if (shape.Count == 0)
            return Tensor.Empty(first.Device, shape, dtype ?? first.DType);

        // First what may be refused, then the memory.
        BroadcastWalk walk = BroadcastLayout.Walk(shape, first.Shape, (second ?? first).Shape, (third ?? first).Shape);
        Tensor output = Tensor.Empty(first.Device, shape, dtype ?? first.DType);
        definition.Run(first.Device, new BroadcastArguments<TMap>(first, second, third, output, walk, map));
        return output;
    }
}
