namespace GpuTransformer.Host.Cuda;

/// <summary>The few calls of NVIDIA's driver that tell why there is no device. An interface, so that every answer can be tested without a GPU.</summary>
internal interface ICudaDriver
{
    /// <summary>cuInit; 0 is success.</summary>
    int Initialize();

    /// <summary>cuDriverGetVersion: 12040 for CUDA 12.4; 0 when it fails.</summary>
    int Version();

    /// <summary>cuDeviceGetCount; 0 is success.</summary>
    int DeviceCount(out int count);

    /// <summary>cuDeviceGetName.</summary>
    string DeviceName(int ordinal);

    /// <summary>cuGetErrorString: what the driver itself says about <paramref name="error"/>.</summary>
    string ErrorText(int error);
}
