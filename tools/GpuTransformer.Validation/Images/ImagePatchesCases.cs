using GpuTransformer.Host;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep of ImagePatches.</summary>
internal static class ImagePatchesCases
{
    public static readonly OperatorSweep Sweep = OperatorSweep.Of(ImagePatchesArguments.Definition, Cases);

    private static readonly bool[] s_directions = [false, true];

    private static IEnumerable<ValidationCase<ImagePatchesArguments>> Cases(int seed)
        => from dtype in ElementwiseCases.DTypes
           from toImage in s_directions
           from size in new (int Batch, int Channels, int Height, int Width, int Patch, ValidationSize Size)[]
           {
               (1, 1, 4, 4, 4, ValidationSize.Tiny), (2, 3, 6, 4, 2, ValidationSize.Tiny), (2, 3, 15, 40, 5, ValidationSize.Quick),
               (3, 17, 8, 8, 1, ValidationSize.Quick), (2, 3, 224, 224, 16, ValidationSize.Full),
           }
           select Case(seed, dtype, size, toImage);

    private static ValidationCase<ImagePatchesArguments> Case(
        int seed, DType dtype, (int Batch, int Channels, int Height, int Width, int Patch, ValidationSize Size) size, bool toImage)
    {
        (int batch, int channels, int height, int width, int patch, ValidationSize effort) = size;
        var data = new CaseData(CaseData.Seed(seed, height + width), dtype);
        float[] input = data.Uniform(batch * channels * height * width);
        Shape image = [batch, channels, height, width], patches = [batch, height / patch * (width / patch), patch * patch * channels];
        (Shape from, Shape to) = toImage ? (patches, image) : (image, patches);
        return new ValidationCase<ImagePatchesArguments>(
            $"{image} p={patch}{(toImage ? " back" : string.Empty)} {dtype}",
            effort,
            dtype,
            device => new ImagePatchesArguments(
                Tensor.From(device, from, input, dtype), Tensor.Empty(device, to, dtype), ImagePatchesOperator.Shape(channels, height, width, patch, toImage)),
            static arguments => [("output", arguments.Output)],
            () => [data.Expect(
                "output",
                ImagePatchesReference.Rearrange(CaseData.Convert<double>(input), channels, height, width, patch, toImage),
                ImagePatchesReference.Rearrange(input, channels, height, width, patch, toImage))]);
    }
}
