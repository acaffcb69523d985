using System.Globalization;
using System.Text;

namespace GpuTransformer.Host;

/// <summary>A tensor's numbers in writing, as PyTorch prints them: its brackets, alignment, digits and choice between decimals and powers of ten.</summary>
internal static class TensorText
{
    /// <summary>More elements than this are summarised.</summary>
    private const int Threshold = 1000;

    // Of an axis that is longer than twice this, as many from either end are shown.
    private const int EdgeItems = 3;
    private const int LineWidth = 80;
    private const string Prefix = "tensor(", Gap = "...";

    public static string Of(Tensor tensor)
    {
        bool isSummary = tensor.Shape.Count > Threshold;
        (string[] cells, int width) = tensor.Shape.Count == 0 ? ([], 0) : Align(tensor, Rows(tensor.Shape, isSummary).ToArray());
        var text = new StringBuilder(Prefix);
        if (tensor.Shape.Count == 0)
            text.Append("[]");
        else if (tensor.Shape.Rank == 0)
            text.Append(cells[0]);
        else
            Append(text, tensor.Shape, isSummary, cells, width, axis: 0, next: 0);
        AppendFacts(text, tensor, isSummary || (tensor.Shape.Count == 0 && tensor.Shape.Rank != 1));
        return text.Append(')').ToString();
    }

    // The stretches of memory that are shown: of each row that is, all of it or both ends.
    private static IEnumerable<(long Start, int Count)> Rows(Shape shape, bool isSummary)
    {
        if (!isSummary)
            return [(0, (int)shape.Count)];
        int last = shape[^1];
        IEnumerable<long> rows = [0];
        for (int axis = 0; axis < shape.Rank - 1; axis++)
        {
            int length = shape[axis];
            rows = rows.SelectMany(row => Shown(length, isSummary).Select(i => row * length + i));
        }

        return last <= 2 * EdgeItems
            ? rows.Select(row => (row * last, last))
            : rows.SelectMany(row => new[] { (row * last, EdgeItems), (row * last + last - EdgeItems, EdgeItems) });
    }

    private static IEnumerable<int> Shown(int length, bool isSummary)
        => isSummary && length > 2 * EdgeItems ? [0, 1, 2, length - 3, length - 2, length - 1] : Enumerable.Range(0, length);

    private static (string[] Cells, int Width) Align(Tensor tensor, (long Start, int Count)[] stretches)
    {
        var parts = new List<Tensor>();
        try
        {
            foreach ((long start, int count) in stretches)
                parts.Add(tensor.Slice(start, [count]));
            if (tensor.DType.IsFloatingPoint())
                return NumberText.Align([.. parts.SelectMany(static part => part.ToArray())]);
            string[] cells = tensor.DType == DType.Bool
                ? [.. parts.SelectMany(static part => part.ToBoolArray()).Select(static flag => flag ? "True" : "False")]
                : [.. parts.SelectMany(static part => part.ToInt64Array()).Select(static integer => integer.ToString(CultureInfo.InvariantCulture))];
            int width = cells.Max(static cell => cell.Length);
            return (Array.ConvertAll(cells, cell => cell.PadLeft(width)), width);
        }
        finally
        {
            parts.ForEach(static part => part.Dispose());
        }
    }

    // Returns how many cells are written. Rows of an inner axis are apart by as many line breaks as there are axes inside.
    private static int Append(StringBuilder text, Shape shape, bool isSummary, string[] cells, int width, int axis, int next)
    {
        int[] shown = [.. Shown(shape[axis], isSummary)];
        bool isCut = shown.Length < shape[axis], isLast = axis == shape.Rank - 1;
        int indent = Prefix.Length + axis, perLine = Math.Max(1, (LineWidth - indent) / (width + 2)), inLine = 0;
        string newLine = "," + new string('\n', Math.Max(1, shape.Rank - 1 - axis)) + new string(' ', indent + 1);
        text.Append('[');
        for (int i = 0; i < shown.Length; i++)
        {
            if (isCut && i == EdgeItems)
                Separate().Append(isLast ? " " + Gap : Gap);
            if (i > 0)
                Separate();
            if (isLast)
                text.Append(cells[next++]);
            else
                next = Append(text, shape, isSummary, cells, width, axis + 1, next);
        }

        text.Append(']');
        return next;

        StringBuilder Separate()
        {
            bool breaks = !isLast || ++inLine == perLine;
            inLine = breaks ? 0 : inLine;
            return text.Append(breaks ? newLine : ", ");
        }
    }

    private static void AppendFacts(StringBuilder text, Tensor tensor, bool withShape)
    {
        string[] facts = [$"dtype={tensor.DType}", $"device={tensor.Device.Id}"];
        int column = text.Length - text.ToString().LastIndexOf('\n') + 1;
        foreach (string fact in withShape ? facts.Prepend($"shape={tensor.Shape}") : facts)
        {
            bool breaks = column + fact.Length + 2 > LineWidth;
            text.Append(breaks ? ",\n" + new string(' ', Prefix.Length) : ", ").Append(fact);
            column = breaks ? Prefix.Length + fact.Length : column + fact.Length + 2;
        }
    }
}
