using System.Runtime.CompilerServices;

namespace GpuTransformer.Host;

/// <summary>
/// What needs a tensor's shape, as an interpolated string that is put together only where the shape is wrong: checks run in every call, messages almost never.
/// </summary>
[InterpolatedStringHandler]
internal ref struct ShapeReason
{
    private DefaultInterpolatedStringHandler _text;

    public ShapeReason(int literalLength, int formattedCount, Tensor tensor, Shape expected, out bool isWrong)
    {
        IsWrong = isWrong = tensor.Shape != expected;
        _text = isWrong ? new DefaultInterpolatedStringHandler(literalLength, formattedCount) : default;
    }

    public bool IsWrong { get; }

    public void AppendLiteral(string text) => _text.AppendLiteral(text);

    public void AppendFormatted<T>(T value) => _text.AppendFormatted(value);

    public string Format() => _text.ToStringAndClear();
}
