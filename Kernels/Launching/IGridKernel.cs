namespace GpuTransformer.Kernels;

/// <summary>
/// The parameter block of a Portable or TensorCore kernel. Its groups are numbered along one axis, for only the first axis of a GPU's grid is long; what has
/// more axes takes its number apart (<see cref="GroupPlace"/>). A kernel never asks for its number without adding <see cref="FirstGroup"/>.
/// </summary>
internal interface IGridKernel
{
    /// <summary>The number of the launch's first group: a grid that a driver cannot take at once is launched in parts. Set by the launcher.</summary>
    int FirstGroup { get; set; }
}
