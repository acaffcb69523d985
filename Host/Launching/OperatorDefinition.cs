using System.Diagnostics;

namespace GpuTransformer.Host;

/// <summary>
/// One operator of the catalogue: a contract and one or more variants. What it must compute is held against a float64 oracle by
/// tools/GpuTransformer.Validation.
/// </summary>
internal abstract class OperatorDefinition
{
    private protected OperatorDefinition(string name, string formula)
    {
        Name = name;
        Formula = formula;
    }

    /// <summary>Its name: <c>LayerNorm</c>, <c>Attention</c>.</summary>
    public string Name { get; }

    /// <summary>What it computes.</summary>
    public string Formula { get; }

    /// <summary>Its implementations, the preferred one first.</summary>
    public abstract IReadOnlyList<KernelVariant> Variants { get; }
}

/// <summary>An operator whose variants take <typeparamref name="TArguments"/>.</summary>
internal sealed class OperatorDefinition<TArguments>(
    string name, string formula, IReadOnlyList<KernelVariant<TArguments>> variants)
    : OperatorDefinition(name, formula)
    where TArguments : struct
{
    // An array: walking an interface allocates an enumerator, and this is walked in every call.
    private readonly KernelVariant<TArguments>[] _variants = [.. variants];

    public override IReadOnlyList<KernelVariant<TArguments>> Variants => _variants;

    /// <summary>Launches the first variant that takes these arguments on this device, or the device's preferred one.</summary>
    /// <exception cref="NotSupportedException">No variant does.</exception>
    /// <exception cref="DeviceFailedException">The driver reported an error.</exception>
    public void Run(ComputeDevice device, in TArguments arguments)
    {
        // From the addresses to the launch no other thread may give memory back.
        using DeviceTurn turn = device.Enter();
        KernelVariant<TArguments> variant = Choose(device, arguments);
        try
        {
            if (device.Profile is { } profile)
                Measure(device, variant, arguments, profile);
            else
                variant.Launch(device, arguments);
        }
        catch (Exception exception) when (device.Backend.IsDeviceError(exception))
        {
            throw device.Failure($"launching {Name}/{variant.Name}", exception);
        }
    }

    /// <summary>What <see cref="Run"/> launches.</summary>
    internal KernelVariant<TArguments> Choose(ComputeDevice device, in TArguments arguments)
    {
        KernelVariant<TArguments>? chosen = null;
        foreach (KernelVariant<TArguments> variant in _variants)
        {
            bool preferred = device.PreferredVariant is { } name && variant.Name == name;
            if ((chosen is null || preferred) && variant.CanRun(device, arguments))
                chosen = variant;
        }

        return chosen ?? throw new NotSupportedException($"{Name} has no variant for these arguments on {device}: {Describe(arguments)}.");
    }

    // As a record writes itself, but of tensors the shapes: their numbers are on the device, and long.
    private static string Describe(object? value) => value switch
    {
        Tensor tensor => tensor.Description,
        ValueType and not Enum when value.GetType() is { IsPrimitive: false } type && type != typeof(Shape) && type.Assembly == typeof(Tensor).Assembly
            => $"{{ {string.Join(", ", type.GetProperties().Select(property => $"{property.Name} = {Describe(property.GetValue(value))}"))} }}",
        _ => value?.ToString() ?? "null",
    };

    private void Measure(ComputeDevice device, KernelVariant<TArguments> variant, in TArguments arguments, OperatorProfile profile)
    {
        device.Synchronize();
        long start = Stopwatch.GetTimestamp();
        variant.Launch(device, arguments);
        device.Synchronize();
        profile.Add(Name, variant.Name, Stopwatch.GetElapsedTime(start));
    }
}
