using GpuTransformer.Host;

namespace GpuTransformer.Validation;

/// <summary>How much work a case is; decides where it is run.</summary>
internal enum ValidationSize
{
    /// <summary>A few rows and columns: also run on the simulator, which is a thousand times slower than a GPU.</summary>
    Tiny,

    /// <summary>Part of <c>validate --quick</c>.</summary>
    Quick,

    /// <summary>Only in the full sweep.</summary>
    Full,
}

/// <summary>What one output of one case came to.</summary>
/// <param name="Output">Which output.</param>
/// <param name="Error">The largest absolute difference from the float64 oracle.</param>
/// <param name="Limit">The largest difference that passes, by the numerical rule.</param>
/// <param name="Passed">Error ≤ limit, every element finite.</param>
internal readonly record struct Comparison(string Output, double Error, double Limit, bool Passed);

/// <summary>One set of inputs of an operator, with its oracle.</summary>
internal abstract class ValidationCase
{
    private protected ValidationCase(string name, ValidationSize size, DType dtype)
    {
        Name = name;
        Size = size;
        DType = dtype;
    }

    /// <summary>The shapes, masks and data type in words.</summary>
    public string Name { get; }

    /// <summary>How much work it is.</summary>
    public ValidationSize Size { get; }

    /// <summary>The storage type of its floating-point tensors.</summary>
    public DType DType { get; }

    /// <summary>What the oracle says.</summary>
    internal abstract IReadOnlyList<Expected> Expected { get; }

    /// <summary>
    /// Runs <paramref name="variant"/> on <paramref name="device"/> and compares every output with the oracle; null where the variant does not take this case.
    /// </summary>
    public abstract IReadOnlyList<Comparison>? Run(ComputeDevice device, KernelVariant variant);
}

/// <summary>One output as the oracle and as a plain computation in the storage's own precision give it.</summary>
/// <param name="Output">Which output.</param>
/// <param name="Exact">Computed in float64 from the stored inputs.</param>
/// <param name="Plain">Computed in float32 by the same straightforward code and rounded to the storage type.</param>
internal sealed record Expected(string Output, double[] Exact, double[] Plain);

/// <summary>A case whose variants take <typeparamref name="TArguments"/>.</summary>
/// <param name="name">The shapes, masks and data type in words.</param>
/// <param name="size">How much work it is.</param>
/// <param name="dtype">The storage type.</param>
/// <param name="prepare">Uploads the inputs and allocates the outputs.</param>
/// <param name="outputs">The output tensors, named as in the oracle's answer.</param>
/// <param name="oracle">The expected outputs; computed once, whatever the number of variants and devices.</param>
/// <param name="isGradient">Whether the rule for gradients (3× instead of 2×) applies.</param>
internal sealed class ValidationCase<TArguments>(
    string name,
    ValidationSize size,
    DType dtype,
    Func<ComputeDevice, TArguments> prepare,
    Func<TArguments, IReadOnlyList<(string Name, Tensor Tensor)>> outputs,
    Func<IReadOnlyList<Expected>> oracle,
    bool isGradient = false)
    : ValidationCase(name, size, dtype)
    where TArguments : struct
{
    private readonly Lazy<IReadOnlyList<Expected>> _expected = new(oracle);

    internal override IReadOnlyList<Expected> Expected => _expected.Value;

    public override IReadOnlyList<Comparison>? Run(ComputeDevice device, KernelVariant variant)
    {
        var typed = (KernelVariant<TArguments>)variant;
        if (!typed.RunsOn(device.Kind))
            return null;
        using StepScope step = device.BeginStep();
        TArguments arguments = prepare(device);
        if (!typed.CanRun(device, arguments))
            return null;
        typed.Launch(device, arguments);
        var results = new List<Comparison>();
        foreach ((string output, Tensor tensor) in outputs(arguments))
        {
            Expected expected = _expected.Value.First(e => e.Output == output);
            results.Add(NumericalRule.Compare(output, tensor.ToArray(), expected.Exact, expected.Plain, tensor.DType, isGradient));
        }

        return results;
    }
}
