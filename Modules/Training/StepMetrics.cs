using System.Collections.ObjectModel;
using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// The metrics of a trainer's steps. A tensor is copied on the device and read when the step's work is done, so that measuring waits for nothing.
/// </summary>
internal sealed class StepMetrics : IDisposable
{
    private static readonly IReadOnlyDictionary<string, double> s_none = ReadOnlyDictionary<string, double>.Empty;

    private readonly Dictionary<string, Values> _values = [];

    public void Add(string name, double value)
    {
        Values values = Of(name);
        values.Total += value;
        values.Count++;
    }

    public void Add(string name, Tensor value)
    {
        Values values = Of(name);
        if (values.Used == values.Tensors.Count)
            values.Tensors.Add(Tensor.Persistent(value.Device, [1]));
        Operators.CopyInto(values.Tensors[values.Used++], (value.DType == DType.Float32 ? value : Operators.Cast(value, DType.Float32)).Reshape([1]));
    }

    /// <summary>What was measured since the last <see cref="Clear"/>, each the mean of its values.</summary>
    public IReadOnlyDictionary<string, double> Means()
    {
        if (_values.Count == 0)
            return s_none;
        var means = new Dictionary<string, double>();
        Span<float> one = stackalloc float[1];
        foreach ((string name, Values values) in _values)
        {
            double total = values.Total;
            for (int i = 0; i < values.Used; i++)
            {
                values.Tensors[i].CopyTo(one);
                total += one[0];
            }

            if (values.Count + values.Used > 0)
                means.Add(name, total / (values.Count + values.Used));
        }

        return means;
    }

    /// <summary>Forgets what a step measured; one that threw may have left some.</summary>
    public void Clear()
    {
        foreach (Values values in _values.Values)
            (values.Total, values.Count, values.Used) = (0, 0, 0);
    }

    public void Dispose()
    {
        foreach (Values values in _values.Values)
        {
            foreach (Tensor tensor in values.Tensors)
                tensor.Dispose();
        }
    }

    private Values Of(string name)
    {
        if (!_values.TryGetValue(name, out Values? values))
            _values.Add(name, values = new Values());
        return values;
    }

    private sealed class Values
    {
        public double Total;
        public int Count;
        public int Used;
        public readonly List<Tensor> Tensors = []; // [1] each
    }
}
