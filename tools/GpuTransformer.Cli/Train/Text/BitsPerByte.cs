using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Train.Text;

/// <summary>−log₂ of the probability that something gives to each byte of a text, averaged: what an ideal coder would need for a byte.</summary>
internal static class BitsPerByte
{
    /// <summary>From a mean of natural logarithms, as a loss is.</summary>
    public static double OfLoss(double loss) => loss / Math.Log(2);

    /// <summary>The model's, over windows that measure each byte once.</summary>
    public static double OfModel(TransformerWrapper model, ReadOnlySpan<byte> text, TextWindows windows, int length, int batchSize)
    {
        double loss = 0;
        long measured = 0;
        for (int first = 0; first < windows.Count; first += batchSize)
        {
            int rows = Math.Min(batchSize, windows.Count - first), count = 0;
            int[] ids = new int[rows * length], targets = new int[rows * length];
            for (int row = 0; row < rows; row++)
                count += windows.Fill(first + row, text, ids.AsSpan(row * length, length), targets.AsSpan(row * length, length));
            using StepScope scope = model.Device.BeginStep();
            Tensor logits = model.Forward(Tensor.From(model.Device, [rows, length], ids));
            loss += Operators.SoftmaxCrossEntropy(logits, Tensor.From(model.Device, [rows, length], targets), TextWindows.Ignored).ToArray()[0] * (double)count;
            measured += count;
        }

        return OfLoss(loss / measured);
    }
}
