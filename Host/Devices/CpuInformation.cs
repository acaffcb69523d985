using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace GpuTransformer.Host;

/// <summary>What this machine's processor is.</summary>
internal static class CpuInformation
{
    /// <summary>The processor as the <c>cpu</c> device.</summary>
    public static DeviceDescription Describe(int threads) => new(
        "cpu", DeviceKind.Cpu, ModelName(), GC.GetGCMemoryInfo().TotalAvailableMemoryBytes, threads, IsGpu: false);

    private static string ModelName()
    {
        if (X86Base.IsSupported)
        {
            string brand = BrandString();
            if (brand.Length > 0)
                return brand;
        }

        return $"{RuntimeInformation.ProcessArchitecture} processor";
    }

    // CPUID leaves 0x80000002 to 0x80000004: 48 characters, padded with spaces or zeros.
    private static string BrandString()
    {
        const int FirstLeaf = unchecked((int)0x80000002);
        const int LastLeaf = unchecked((int)0x80000004);
        if ((uint)X86Base.CpuId(unchecked((int)0x80000000), 0).Eax < unchecked((uint)LastLeaf))
            return string.Empty;
        Span<int> registers = stackalloc int[12];
        for (int leaf = FirstLeaf; leaf <= LastLeaf; leaf++)
        {
            int at = (leaf - FirstLeaf) * 4;
            (registers[at], registers[at + 1], registers[at + 2], registers[at + 3]) = X86Base.CpuId(leaf, 0);
        }

        ReadOnlySpan<byte> text = MemoryMarshal.AsBytes(registers);
        int end = text.IndexOf((byte)0);
        return System.Text.Encoding.ASCII.GetString(end < 0 ? text : text[..end]).Trim();
    }
}
