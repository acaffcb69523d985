namespace GpuTransformer.Cli.Train.Data;

/// <summary>What lies at a path: MNIST's IDX, CIFAR-10's binary files, or a folder of pictures. Nothing is ever fetched.</summary>
internal static class ImageFiles
{
    private const int PictureSize = 32, MaxAtATime = 8;

    private static readonly string[] s_pictures = [".png", ".jpg", ".jpeg", ".bmp"];

    /// <summary>Reads all images at <paramref name="path"/>.</summary>
    /// <param name="path">A file or a folder.</param>
    /// <param name="size">Pixels along one side to bring them to; null for their own, or 32 for pictures.</param>
    /// <param name="channels">1 for grey, 3 for colour; null for their own.</param>
    /// <exception cref="UsageException">
    /// There is nothing to read, more than one kind, or a file is damaged; the message names it, what it should hold and what it holds.
    /// </exception>
    public static StoredImages Read(string path, int? size, int? channels)
    {
        (IReadOnlyList<string> files, Kind kind) = Find(path);
        return kind switch
        {
            Kind.Idx => Fit(IdxFile.Read(files[0]), size, channels, path),
            Kind.Cifar => Fit([.. files.SelectMany(CifarFile.Read)], size, channels, path),
            _ => ReadPictures(files, size ?? PictureSize, channels, path),
        };
    }

    private static (IReadOnlyList<string> Files, Kind Kind) Find(string path)
    {
        if (File.Exists(path))
            return IsPicture(path)
                ? throw new UsageException($"'{path}' is a single picture; --data needs the folder of many.")
                : ([path], IsCifar(path) ? Kind.Cifar : Kind.Idx);
        if (!Directory.Exists(path))
            throw new UsageException($"--data: there is no file or folder '{path}'.");

        string[] all = [.. Directory.EnumerateFiles(path).Order(StringComparer.Ordinal)];
        string[] idx = [.. all.Where(IsIdx)], cifar = [.. all.Where(IsCifarTraining)], pictures = [.. all.Where(IsPicture)];
        string[] kinds = [.. new[] { (idx, "IDX"), (cifar, "CIFAR-10"), (pictures, "pictures") }.Where(static k => k.Item1.Length > 0).Select(static k
            => $"{k.Item2} ('{Path.GetFileName(k.Item1[0])}')")];
        if (kinds.Length == 0)
            throw new UsageException(
                $"'{path}' has none of train-images-idx3-ubyte[.gz] (MNIST), data_batch_*.bin (CIFAR-10), *.png, *.jpg, *.jpeg and *.bmp among its "
                + $"{all.Length} files.");
        if (kinds.Length > 1)
            throw new UsageException($"'{path}' mixes {string.Join(" and ", kinds)}; --data needs a folder with one kind.");
        if (idx.Length > 0)
            return ([idx.FirstOrDefault(static f => Path.GetFileName(f).StartsWith("train", StringComparison.Ordinal)) ?? idx[0]], Kind.Idx);
        return cifar.Length > 0 ? (cifar, Kind.Cifar) : (pictures, Kind.Pictures);
    }

    private static bool IsPicture(string file) => s_pictures.Contains(Path.GetExtension(file).ToLowerInvariant());

    private static bool IsCifar(string file) => Path.GetExtension(file) == ".bin";

    private static bool IsCifarTraining(string file) => IsCifar(file) && Path.GetFileName(file).StartsWith("data_batch_", StringComparison.Ordinal);

    // MNIST's files are named with a dash by their author and with a dot by some who pass them on.
    private static bool IsIdx(string file)
        => Path.GetFileName(file) is var name
            && (name.Contains("-idx3-ubyte", StringComparison.Ordinal) || name.Contains(".idx3-ubyte", StringComparison.Ordinal));

    private static StoredImages Fit(IReadOnlyList<RawImage> images, int? size, int? channels, string origin)
    {
        int side = size ?? (
            images.Count > 0 ? Math.Min(images[0].Width, images[0].Height) : 1),
                depth = channels ?? (images.Count > 0 ? images.Max(static i => i.Channels) : 1);
        return Fill(images.Count, side, depth, origin, (i, target) => images[i].FitInto(side, depth, target));
    }

    // Of each picture only what is needed is kept; a few are decoded at a time.
    private static StoredImages ReadPictures(IReadOnlyList<string> files, int side, int? channels, string origin)
    {
        int depth = channels ?? files.Max(PictureFile.ReadChannels);
        return Fill(files.Count, side, depth, origin, (i, target) => PictureFile.ReadInto(files[i], side, depth, target));
    }

    private static StoredImages Fill(int count, int side, int depth, string origin, Action<int, Memory<byte>> fit)
    {
        long length = (long)side * side * depth;
        if (length > Array.MaxLength || length * count > Array.MaxLength)
            throw new UsageException(
                $"'{origin}' holds {count} images; at {side} × {side} pixels of {depth} they do not fit into memory. Choose a smaller image_size.");
        var pixels = new byte[length * count];
        Exception? first = null;
        Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = Math.Min(Environment.ProcessorCount, MaxAtATime) }, (i, loop) =>
        {
            try
            {
                fit(i, pixels.AsMemory((int)(i * length), (int)length));
            }
            catch (UsageException exception)
            {
                Interlocked.CompareExchange(ref first, exception, null);
                loop.Stop();
            }
        });
        return first is null ? new StoredImages(pixels, side, depth, origin) : throw new UsageException(first.Message);
    }

    private enum Kind
    {
        Idx,
        Cifar,
        Pictures,
    }
}
