namespace GpuTransformer.Cli.Train.Data;

/// <summary>
/// Cuts the largest square from the middle of an image and brings it to a size, each new pixel being the mean of the area that it covers. Rows are added one by
/// one from the top, so that of a large picture one row is enough to have in memory.
/// </summary>
internal sealed class SquareReducer
{
    private readonly int _top, _left, _side, _size, _ownChannels, _channels, _stride, _lastColumn;
    private readonly double _scale;
    private readonly Memory<byte> _target;
    private readonly double[] _sums;
    private int _row;    // the next one to come
    private int _unfinished; // the first row of the target that is not complete

    /// <summary>An empty target.</summary>
    /// <param name="width">Pixels per row of the image.</param>
    /// <param name="height">Its rows.</param>
    /// <param name="ownChannels">Channels of the image that count: 1 or 3.</param>
    /// <param name="stride">Bytes from one pixel to the next.</param>
    /// <param name="size">Pixels along one side of the target.</param>
    /// <param name="channels">1: the channels' mean, weighted as ITU-R BT.601 does; 3: grey three times.</param>
    /// <param name="target">[size, size, channels]</param>
    public SquareReducer(int width, int height, int ownChannels, int stride, int size, int channels, Memory<byte> target)
    {
        _side = Math.Min(width, height);
        (_top, _left, _lastColumn) = ((height - _side) / 2, (width - _side) / 2, width - 1);
        (_size, _ownChannels, _channels, _stride, _target) = (size, ownChannels, channels, stride, target);
        _scale = (double)_side / size;
        _sums = new double[size * (ownChannels + 1)]; // of each pixel the channels, then the area
    }

    /// <summary>Adds the next row, [width, stride].</summary>
    public void Add(ReadOnlySpan<byte> row)
    {
        int y = _row++;
        bool isLast = _row >= _top + _side;
        for (; _unfinished < _size; _unfinished++)
        {
            // The smallest of overlaps is rounding's, and belongs to the row before.
            double top = _top + _unfinished * _scale, bottom = top + _scale;
            if ((int)top > y)
                return;
            if (y < bottom - 1e-9)
                AddTo(row, Math.Min(y + 1, bottom) - Math.Max(y, top));
            if (y + 1 < bottom - 1e-9 && !isLast)
                return;
            Finish();
        }
    }

    private void AddTo(ReadOnlySpan<byte> row, double height)
    {
        for (int column = 0; column < _size; column++)
        {
            double left = _left + column * _scale, right = left + _scale;
            Span<double> sums = _sums.AsSpan(column * (_ownChannels + 1), _ownChannels + 1);
            for (int x = (int)left; x < right - 1e-9; x++)
            {
                double weight = height * (Math.Min(x + 1, right) - Math.Max(x, left));
                int at = Math.Min(x, _lastColumn) * _stride;
                for (int c = 0; c < sums.Length - 1; c++)
                    sums[c] += weight * row[at + c];
                sums[^1] += weight;
            }
        }
    }

    private void Finish()
    {
        Span<byte> target = _target.Span.Slice(_unfinished * _size * _channels, _size * _channels);
        for (int column = 0; column < _size; column++)
        {
            Span<double> sums = _sums.AsSpan(column * (_ownChannels + 1), _ownChannels + 1);
            double area = sums[^1];
            if (_channels == 1)
                target[column] = Round(_ownChannels == 1 ? sums[0] / area : 0.299 * (sums[0] / area) + 0.587 * (sums[1] / area) + 0.114 * (sums[2] / area));
            for (int c = 0; c < _channels && _channels > 1; c++)
                target[column * _channels + c] = Round(sums[_ownChannels == 1 ? 0 : c] / area);
        }

        Array.Clear(_sums);
    }

    private static byte Round(double value) => (byte)Math.Clamp(value + 0.5, 0, 255);
}
