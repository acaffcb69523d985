using System.Runtime.CompilerServices;
using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>The checks that modules share. Each throws before anything is launched and names the argument, what it is and what would be right.</summary>
internal static class ForwardChecks
{
    /// <summary>A real-valued input of a data type that the module takes, on its device, with a last axis of <paramref name="dim"/>.</summary>
    public static void Input(Module module, Tensor x, int dim, [CallerArgumentExpression(nameof(x))] string name = "")
    {
        ArgumentNullException.ThrowIfNull(x, name);
        OnDevice(module, x, name);
        Type(module, x, name);
        if (x.Shape.Rank == 0 || x.Shape[^1] != dim)
            throw new ArgumentException($"'{name}' has shape {x.Shape}, but the model needs a last axis of {dim}.", name);
    }

    /// <summary>As <see cref="Input"/>, and [batch, sequence, dim].</summary>
    public static void Sequence(Module module, Tensor x, int dim, [CallerArgumentExpression(nameof(x))] string name = "")
    {
        Input(module, x, dim, name);
        if (x.Shape.Rank != 3)
            throw new ArgumentException($"'{name}' has shape {x.Shape}, but the model needs [batch, sequence, {dim}].", name);
    }

    /// <summary>The source of cross-attention's keys and values.</summary>
    public static void Context(Module module, Tensor context, Tensor x, int dim)
    {
        OnDevice(module, context, nameof(context));
        Type(module, context, nameof(context));
        if (context.Shape.Rank != 3 || context.Shape[0] != x.Shape[0])
            throw new ArgumentException(
                $"'context' has shape {context.Shape}, but an input {x.Shape} needs [{x.Shape[0]}, contextLength, {dim}].", nameof(context));
        if (context.Shape[2] != dim)
        {
            throw new ArgumentException(
                $"'context' has shape {context.Shape}: it is {context.Shape[2]} wide, but the model's cross-attention was built for a context {dim} wide. "
                + $"Set CrossAttn.DimContext (cross_attn_dim_context; DimContext of a lone Attention) to {context.Shape[2]}, or pass a context of width {dim}.",
                nameof(context));
        }
    }

    /// <summary>A mask with one flag per position.</summary>
    public static void Mask(Module module, Tensor? mask, int batch, int length, string meaning, [CallerArgumentExpression(nameof(mask))] string name = "")
    {
        if (mask is null)
            return;
        Boolean(module, mask, name);
        if (mask.Shape != new Shape(batch, length))
            throw new ArgumentException(
                $"'{name}' has shape {mask.Shape}, but it needs {new Shape(batch, length)}: one flag for each {meaning}, true to keep it.", name);
    }

    /// <summary>A mask for pairs of query and key, brought to [batch|1, heads|1, queries|1, keys].</summary>
    public static Tensor? Pairs(Module module, Tensor? mask, Shape full, [CallerArgumentExpression(nameof(mask))] string name = "")
    {
        if (mask is null)
            return null;
        Boolean(module, mask, name);
        return Broadcast(mask, full, name);
    }

    /// <summary>An additive bias for pairs of query and key, brought to float32 [batch|1, heads|1, queries|1, keys].</summary>
    public static Tensor? Bias(Module module, Tensor? bias, Shape full, [CallerArgumentExpression(nameof(bias))] string name = "")
    {
        if (bias is null)
            return null;
        OnDevice(module, bias, name);
        if (!bias.DType.IsFloatingPoint())
            throw new ArgumentException($"'{name}' holds {bias.DType}, but a bias is added to the scores and must hold real numbers.", name);
        Tensor broadcast = Broadcast(bias, full, name);
        return broadcast.DType == DType.Float32 ? broadcast : Operators.Cast(broadcast, DType.Float32);
    }

    /// <summary>A condition for adaptive norms.</summary>
    public static void Condition(Module module, Tensor condition, Tensor x, int dim, [CallerArgumentExpression(nameof(condition))] string name = "")
    {
        Input(module, condition, dim, name);
        Shape shape = condition.Shape;
        if (!(shape == new Shape(x.Shape[0], dim) || shape == new Shape(x.Shape[0], x.Shape[1], dim)))
            throw new ArgumentException(
                $"'{name}' has shape {shape}, but an input {x.Shape} needs [{x.Shape[0]}, {dim}] or [{x.Shape[0]}, {x.Shape[1]}, {dim}].",
                name);
    }

    /// <summary>Embeddings that come as they are: added to those of <paramref name="input"/> [batch, length, …], or put in front of them.</summary>
    public static void MoreEmbeddings(
        Module module, (Tensor Tensor, string Name) input, int width, Tensor? sumEmbeds, Tensor? prependEmbeds, Tensor? prependMask)
    {
        Shape shape = input.Tensor.Shape;
        (int batch, int length) = (shape[0], shape[1]);
        if (sumEmbeds is not null)
        {
            OnDevice(module, sumEmbeds, nameof(sumEmbeds));
            if (sumEmbeds.Shape != new Shape(batch, length, width))
                throw Wrong(nameof(sumEmbeds), $"'sumEmbeds' has shape {sumEmbeds.Shape}, but it is added to embeddings {new Shape(batch, length, width)}.");
        }

        if (prependEmbeds is null)
        {
            if (prependMask is not null)
                throw Wrong(nameof(prependMask), "'prependMask' was given, but there are no 'prependEmbeds'.");
            return;
        }

        OnDevice(module, prependEmbeds, nameof(prependEmbeds));
        if (prependEmbeds.Shape.Rank != 3 || prependEmbeds.Shape[0] != batch || prependEmbeds.Shape[2] != width)
            throw Wrong(
                nameof(prependEmbeds),
                $"'prependEmbeds' has shape {prependEmbeds.Shape}, but in front of '{input.Name}' {shape} it needs [{batch}, prefix, {width}].");
        Mask(module, prependMask, batch, prependEmbeds.Shape[1], "row of 'prependEmbeds'", nameof(prependMask));
    }

    /// <summary>An exception about an argument of the caller's caller.</summary>
    public static ArgumentException Wrong(string name, string message) => new(message, name);

    public static void OnDevice(Module module, Tensor tensor, string name)
    {
        ObjectDisposedException.ThrowIf(tensor.IsDisposed, tensor);
        if (!ReferenceEquals(tensor.Device, module.Device))
            throw new ArgumentException($"'{name}' is on {tensor.Device}, but the model is on {module.Device}. Copy it there first.", name);
    }

    private static void Type(Module module, Tensor x, string name)
    {
        if (x.DType == module.DType || x.DType == module.ComputeDType)
            return;
        throw new ArgumentException(
            $"'{name}' holds {x.DType}, but the model computes in {module.ComputeDType}; "
            + "use Operators.Cast, build the model with another dtype, or set its ComputeDType.",
            name);
    }

    private static void Boolean(Module module, Tensor mask, string name)
    {
        OnDevice(module, mask, name);
        if (mask.DType != DType.Bool)
            throw new ArgumentException($"'{name}' holds {mask.DType}, but masks are Bool: true to keep a position, false to hide it.", name);
    }

    private static Tensor Broadcast(Tensor tensor, Shape full, string name)
    {
        int rank = tensor.Shape.Rank;
        bool fits = rank is >= 2 and <= 4 && tensor.Shape[^1] == full[^1];
        for (int axis = 0; fits && axis < rank - 1; axis++)
            fits = tensor.Shape[axis] == 1 || tensor.Shape[axis] == full[axis + 4 - rank];
        if (!fits)
        {
            throw new ArgumentException(
                $"'{name}' has shape {tensor.Shape}, but it needs [queries, keys], [heads, queries, keys] or [batch, heads, queries, keys] for {full}; "
                + "any axis but the last may be 1.",
                name);
        }

        int[] lengths = [1, 1, 1, 1];
        tensor.Shape.Lengths.CopyTo(lengths.AsSpan(4 - rank));
        return rank == 4 ? tensor : tensor.Reshape(lengths);
    }
}
