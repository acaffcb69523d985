using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Train.Copy;

/// <summary>Symbols as vectors: a learned row of <c>table</c> plus fixed sines of the position.</summary>
internal sealed class SymbolEmbedding : Module
{
    private readonly Tensor _table;     // [symbols, dim]
    private readonly Tensor _positions; // [length, dim]

    public SymbolEmbedding(int symbols, int length, int dim, ParameterInitializer initializer)
        : base(initializer)
    {
        _table = AddParameter("table", initializer.Normal([symbols, dim]));
        _positions = AddConstant(Tensor.Persistent(Device, [length, dim]));
        _positions.Write(SineCosinePositions.Line(length, dim));
    }

    /// <summary>Embeds symbols.</summary>
    /// <param name="symbols">Int32 [batch, n]</param>
    /// <returns>[batch, n, dim]</returns>
    public Tensor Forward(Tensor symbols)
    {
        (int batch, int length) = (symbols.Shape[0], symbols.Shape[1]);
        int[] positions = [.. Enumerable.Range(0, batch * length).Select(i => i % length)];
        return Operators.Add(Operators.Embedding(_table, symbols), Operators.Embedding(_positions, Tensor.From(Device, symbols.Shape, positions)));
    }
}
