using System.Runtime.CompilerServices;

// `stackalloc` scratch of the Vectorized kernels is written before it is read; zeroing it first would cost as much as a small kernel.
[module: SkipLocalsInit]
