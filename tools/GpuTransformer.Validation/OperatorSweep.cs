using GpuTransformer.Host;

namespace GpuTransformer.Validation;

/// <summary>One operator of the catalogue with the cases that prove it.</summary>
internal abstract class OperatorSweep(OperatorDefinition definition)
{
    /// <summary>What is proven.</summary>
    public OperatorDefinition Operator { get; } = definition;

    /// <summary>Awkward shapes, masks and data types, drawn from <paramref name="seed"/>.</summary>
    public abstract IEnumerable<ValidationCase> Cases(int seed);

    /// <summary>A sweep whose cases make the arguments that the operator's variants take.</summary>
    public static OperatorSweep Of<TArguments>(OperatorDefinition<TArguments> definition, Func<int, IEnumerable<ValidationCase<TArguments>>> cases)
        where TArguments : struct
        => new Typed<TArguments>(definition, cases);

    private sealed class Typed<TArguments>(
        OperatorDefinition<TArguments> definition, Func<int, IEnumerable<ValidationCase<TArguments>>> cases) : OperatorSweep(definition)
        where TArguments : struct
    {
        public override IEnumerable<ValidationCase> Cases(int seed) => cases(seed);
    }
}
