using System.Diagnostics.CodeAnalysis;
using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Parameters and the modules inside: a tree whose paths are x-transformers' <c>state_dict</c> keys, so that a PyTorch checkpoint loads without a mapping
/// table. A module owns its parameters; disposing the outermost frees them all.
/// </summary>
/// <example>
/// A model of one's own derives from this class, gives what is inside a name, and has a Forward of its own choosing:
/// <code>
/// internal sealed class Classifier : Module
/// {
///     private readonly Linear _in, _out;
///     private readonly Encoder _encoder;
///
///     public Classifier(int features, int classes, ParameterInitializer initializer)
///         : base(initializer)
///     {
///         using StepScope construction = Device.BeginConstruction(); // If the rest throws, nothing stays on the device.
///         _in = AddChild("in", new Linear(features, 64, bias: true, initializer));
///         _encoder = AddChild("encoder", new Encoder(new AttentionLayersOptions { Dim = 64, Depth = 2, Heads = 4 }, initializer));
///         _out = AddChild("out", new Linear(64, classes, bias: true, initializer));
///         construction.Complete();
///     }
///
///     public Tensor Forward(Tensor x)
///     {
///         using InferenceScope scope = InferenceScope.Begin(Device);
///         return scope.Keep(_out.Forward(_encoder.Forward(_in.Forward(x))));
///     }
/// }
/// </code>
/// </example>
public abstract partial class Module : IDisposable
{
    private readonly List<(string Name, Tensor Value)> _parameters = [];
    private readonly List<(string Name, Module Value)> _children = [];
    private readonly List<Tensor> _constants = [];
    private DType _computeDType;

    /// <summary>A module without parameters yet, on the device of <paramref name="initializer"/>.</summary>
    protected Module(ParameterInitializer initializer)
    {
        ArgumentNullException.ThrowIfNull(initializer);
        Device = initializer.Device;
        DType = initializer.DType;
        _computeDType = DType;
    }

    /// <summary>Where the parameters are and the computation runs.</summary>
    public ComputeDevice Device { get; }

    /// <summary>What the parameters are stored as.</summary>
    public DType DType { get; }

    /// <summary>
    /// What this module and those inside compute in and return: <see cref="DType"/> unless set. Parameters and real inputs of another type are cast where they
    /// are used, and so are the gradients on their way back: with parameters in float32 and this in BFloat16 or Float16 it is mixed precision, the parameters
    /// being the master weights. See docs/training.md.
    /// </summary>
    /// <exception cref="ArgumentException">The type does not hold real numbers.</exception>
    public DType ComputeDType
    {
        get => _computeDType;
        set
        {
            if (!value.IsFloatingPoint())
                throw new ArgumentException($"A model cannot compute in {value}; choose Float32, Float16 or BFloat16.", nameof(value));
            _computeDType = value;
            foreach ((_, Module child) in _children)
                child.ComputeDType = value;
        }
    }

    /// <summary>The modules directly inside, by the last part of their path.</summary>
    public IReadOnlyList<(string Name, Module Value)> Children => _children;

    /// <summary>The number of elements of all parameters; a tied one, which has several keys, counts once.</summary>
    public long ParameterCount => NamedParameters().Select(static p => p.Value).Distinct().Sum(static value => value.Shape.Count);

    /// <summary>All parameters under their <c>state_dict</c> keys, in its order: a module's own first, then those of the modules inside.</summary>
    public IEnumerable<(string Name, Tensor Value)> NamedParameters()
    {
        foreach ((string name, Tensor value) in _parameters)
            yield return (name, value);
        foreach ((string childName, Module child) in _children)
        {
            foreach ((string name, Tensor value) in child.NamedParameters())
                yield return ($"{childName}.{name}", value);
        }
    }

    /// <summary>Calls the module with arguments under x-transformers' names, as tools do that know a call only by its description.</summary>
    /// <exception cref="ArgumentException">An argument is missing, unknown, or does not fit.</exception>
    /// <exception cref="UnsupportedOptionException">x-transformers knows the argument, this library does not.</exception>
    /// <exception cref="NotSupportedException">The module does not override this: it is called by its own Forward only.</exception>
    public virtual Tensor Invoke(CallArguments arguments)
        => throw new NotSupportedException($"{GetType().Name} is called by its own Forward; to call it by argument names, it must override {nameof(Invoke)}.");

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the parameters.</summary>
    protected virtual void Dispose(bool disposing)
    {
        foreach ((_, Tensor value) in _parameters)
            value.Dispose();
        foreach ((_, Tensor value) in _buffers)
            value.Dispose();
        foreach (Tensor constant in _constants)
            constant.Dispose();
        foreach ((_, Module child) in _children)
            child.Dispose();
    }

    /// <summary>Makes <paramref name="value"/> a parameter: trained, saved and loaded under <paramref name="name"/>, disposed with the module.</summary>
    /// <param name="name">The last part of its <c>state_dict</c> key; no dot inside.</param>
    /// <param name="value">A persistent tensor, as a <see cref="ParameterInitializer"/> makes them.</param>
    /// <returns><paramref name="value"/></returns>
    /// <exception cref="ArgumentException">The name is taken, empty or has a dot.</exception>
    protected Tensor AddParameter(string name, Tensor value)
    {
        ArgumentNullException.ThrowIfNull(value);
        CheckName(name);
        _parameters.Add((name, value));
        return value;
    }

    /// <summary>Makes <paramref name="value"/> belong to the module without being in any checkpoint: a table that never learns.</summary>
    /// <returns><paramref name="value"/></returns>
    [return: NotNullIfNotNull(nameof(value))]
    protected Tensor? AddConstant(Tensor? value)
    {
        if (value is not null)
            _constants.Add(value);
        return value;
    }

    /// <summary>Puts <paramref name="child"/> inside: its keys begin with <paramref name="name"/> and a dot, and it is disposed with the module.</summary>
    /// <param name="name">The next part of the keys; no dot inside.</param>
    /// <param name="child">A module that is inside no other.</param>
    /// <returns><paramref name="child"/></returns>
    /// <exception cref="ArgumentException">The name is taken, empty or has a dot.</exception>
    protected TModule AddChild<TModule>(string name, TModule child)
        where TModule : Module
    {
        ArgumentNullException.ThrowIfNull(child);
        CheckName(name);
        _children.Add((name, child));
        return child;
    }

    /// <summary>
    /// <paramref name="value"/> in <see cref="ComputeDType"/>: itself or, where that was set and differs, a cast that the tape records. For the parameters and
    /// the real inputs of a module of one's own; those of the library do it by themselves.
    /// </summary>
    [return: NotNullIfNotNull(nameof(value))]
    protected Tensor? Computed(Tensor? value) => value is null || _computeDType == DType || value.DType == _computeDType || !value.DType.IsFloatingPoint()
        ? value
        : Operators.Cast(value, _computeDType);

    private void CheckName(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (name.Contains('.'))
            throw new ArgumentException($"The name '{name}' has a dot, which separates the parts of a key; put a module in between.", nameof(name));
        if (_parameters.Exists(p => p.Name == name) || _buffers.Exists(b => b.Name == name) || _children.Exists(c => c.Name == name))
            throw new ArgumentException($"{GetType().Name} has a parameter or module named '{name}' already.", nameof(name));
    }
}
