namespace GpuTransformer.Modules;

/// <summary>
/// A checkpoint cannot be read, does not fit the model, or would be one that nothing can go on from. The message names the file, the tensor and the numbers,
/// and what would be right.
/// </summary>
public sealed class CheckpointException : Exception
{
    /// <summary>An exception about no file in particular.</summary>
    public CheckpointException()
        : this("The checkpoint cannot be used.")
    {
    }

    /// <summary>An exception with a message.</summary>
    public CheckpointException(string message)
        : base(message)
    {
    }

    /// <summary>An exception with a message and what caused it.</summary>
    public CheckpointException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
