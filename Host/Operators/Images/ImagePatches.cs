using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>
    /// Cuts images into square patches: y[b, gy · columns + gx, (r · p + c) · channels + k] = x[b, k, gy · p + r, gx · p + c]. Patches row by row; within one
    /// (row, column, channel), the channel fastest.
    /// </summary>
    /// <param name="image">[batch, channels, height, width]; height and width multiples of <paramref name="patchSize"/>.</param>
    /// <param name="patchSize">p, in pixels.</param>
    /// <returns>[batch, patches, p · p · channels], of the image's data type.</returns>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was launched.</exception>
    public static Tensor ImageToPatches(Tensor image, int patchSize)
    {
        ArgumentNullException.ThrowIfNull(image);
        Arguments.CheckFloating(image.Device, image);
        if (image.Shape.Rank != 4)
            throw Arguments.Wrong(nameof(image), $"has shape {image.Shape}, but images are [batch, channels, height, width].");
        (int batch, int channels, int height, int width) = (image.Shape[0], image.Shape[1], image.Shape[2], image.Shape[3]);
        ImagePatchesOperator.CheckSize(height, width, patchSize);
        Tensor output = ImagePatchesOperator.Run(
            image,
            [batch, height / patchSize * (width / patchSize), checked(patchSize * patchSize * channels)],
            channels,
            height,
            width,
            patchSize,
            toImage: false);
        if (image.Device.Records(image))
            Record(image, patchSize, output);
        return output;

        static void Record(Tensor image, int patchSize, Tensor output)
            => image.Device.Record(output, gradient => GradientTape.Accumulate(image, PatchesToImage(gradient, image.Shape[2], image.Shape[3], patchSize)));
    }

    /// <summary>Puts images together from their patches: the inverse of <see cref="ImageToPatches"/>, and its gradient.</summary>
    /// <param name="patches">[batch, patches, p · p · channels]</param>
    /// <param name="height">Of the image; a multiple of <paramref name="patchSize"/>.</param>
    /// <param name="width">Of the image; a multiple of <paramref name="patchSize"/>.</param>
    /// <param name="patchSize">p, in pixels.</param>
    /// <returns>[batch, channels, height, width], of the patches' data type.</returns>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was launched.</exception>
    public static Tensor PatchesToImage(Tensor patches, int height, int width, int patchSize)
    {
        (int batch, int count, int dim) = Sequences.Check(patches, nameof(patches));
        ImagePatchesOperator.CheckSize(height, width, patchSize);
        int expected = height / patchSize * (width / patchSize), pixels = patchSize * patchSize;
        if (count != expected || dim % pixels != 0)
            throw Arguments.Wrong(
                nameof(patches),
                $"has shape {patches.Shape}, but an image {height} × {width} has {expected} patches of {pixels} pixels, each of one or more channels.");
        Tensor output = ImagePatchesOperator.Run(patches, [batch, dim / pixels, height, width], dim / pixels, height, width, patchSize, toImage: true);
        if (patches.Device.Records(patches))
            Record(patches, patchSize, output);
        return output;

        static void Record(Tensor patches, int patchSize, Tensor output)
            => patches.Device.Record(output, gradient => GradientTape.Accumulate(patches, ImageToPatches(gradient, patchSize)));
    }
}

/// <summary>What an ImagePatches variant is given.</summary>
[Operator("ImagePatches", "patches[gy, gx, (r, c, k)] = image[k, gy · p + r, gx · p + c], or back")]
[Variant(typeof(ImagePatchesVectorized<>), "some thousand numbers per block")]
[Variant(typeof(ImagePatchesPortable<>), "one thread per number")]
internal readonly partial record struct ImagePatchesArguments(Tensor Input, Tensor Output, ImagePatchesShape Shape)
{
    public long Count => Output.Shape.Count;

    public int ElementsPerBlock(ComputeDevice device) => VectorizedBlocks.ElementsPerBlock(device, Count);
}

/// <summary>What the callers of ImagePatches share.</summary>
internal static class ImagePatchesOperator
{
    public static void CheckSize(int height, int width, int patchSize)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(patchSize);
        if (height < 1 || width < 1 || height % patchSize != 0 || width % patchSize != 0)
            throw Arguments.Wrong(nameof(patchSize), $"is {patchSize}, but must divide height and width of an image {height} × {width}.");
    }

    public static Tensor Run(Tensor input, Shape outputShape, int channels, int height, int width, int patch, bool toImage)
    {
        Tensor output = Tensor.Empty(input.Device, outputShape, input.DType);
        if (output.Shape.Count > 0)
            ImagePatchesArguments.Definition.Run(input.Device, new ImagePatchesArguments(input, output, Shape(channels, height, width, patch, toImage)));
        return output;
    }

    public static ImagePatchesShape Shape(int channels, int height, int width, int patch, bool toImage)
    {
        _ = checked(channels * height * width); // indices within an image are 32-bit
        return new() { Channels = channels, Height = height, Width = width, Patch = patch, ToImage = toImage ? 1 : 0 };
    }
}
