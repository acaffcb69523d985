namespace GpuTransformer.Validation;

/// <summary>Images in patches, by the five loops that the definition has.</summary>
internal static class ImagePatchesReference
{
    /// <summary>
    /// patches[b, gy · columns + gx, (y · p + x) · channels + c] = image[b, c, gy · p + y, gx · p + x]; with <paramref name="toImage"/> the other way round.
    /// </summary>
    public static T[] Rearrange<T>(T[] input, int channels, int height, int width, int patch, bool toImage)
    {
        var output = new T[input.Length];
        int next = 0;
        for (int image = 0; image < input.Length; image += channels * height * width)
        {
            for (int top = 0; top < height; top += patch)
            {
                for (int left = 0; left < width; left += patch)
                {
                    for (int pixel = 0; pixel < patch * patch; pixel++)
                    {
                        for (int channel = 0; channel < channels; channel++)
                        {
                            int inImage = image + (channel * height + top + pixel / patch) * width + left + pixel % patch, inPatches = next++;
                            if (toImage)
                                output[inImage] = input[inPatches];
                            else
                                output[inPatches] = input[inImage];
                        }
                    }
                }
            }
        }

        return output;
    }
}
