using System.Globalization;
using System.Reflection;
using GpuTransformer.Kernels;
using ILGPU;
using ILGPU.Backends;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;
using ILGPU.IR.Types;
using Register = ILGPU.Backends.RegisterAllocator<ILGPU.Backends.PTX.PTXRegisterKind>.HardwareRegister;
using RegisterGroup = ILGPU.Backends.RegisterAllocator<ILGPU.Backends.PTX.PTXRegisterKind>.CompoundRegister;

namespace GpuTransformer.Host.Cuda;

/// <summary>
/// The PTX forms of <see cref="WarpMatrix"/>, <see cref="AsyncCopy"/>, <see cref="PackedBFloat16"/> and <see cref="Fused"/>. ILGPU's own inline assembly passes
/// operands through local memory; a code generator keeps them in registers.
/// </summary>
internal static class PtxIntrinsics
{
    /// <summary>Tells a context, which any CUDA kernel compiled in it then knows. Other backends take no notice.</summary>
    public static void Register(Context context)
    {
        IntrinsicImplementationManager manager = context.GetIntrinsicManager();
        foreach ((Type type, string name, string generator) in Forms)
        {
            // Of the overloads, the intrinsic is the one that is marked.
            MethodInfo method = type.GetMethods().Single(m => m.Name == name && m.IsDefined(typeof(IntrinsicImplementationAttribute)));
            manager.RegisterMethod(method, new PTXIntrinsic(typeof(PtxIntrinsics), generator, IntrinsicImplementationMode.GenerateCode));
        }
    }

    private static IEnumerable<(Type Type, string Name, string Generator)> Forms { get; } =
    [
        (typeof(WarpMatrix), nameof(WarpMatrix.MultiplyAdd), nameof(MultiplyAdd)),
        (typeof(WarpMatrix), nameof(WarpMatrix.Load), nameof(Load)),
        (typeof(WarpMatrix), nameof(WarpMatrix.LoadTransposed), nameof(LoadTransposed)),
        (typeof(AsyncCopy), nameof(AsyncCopy.GlobalAddress), nameof(GlobalAddress)),
        (typeof(AsyncCopy), nameof(AsyncCopy.SharedAddress), nameof(SharedAddress)),
        (typeof(AsyncCopy), nameof(AsyncCopy.Begin), nameof(BeginCopy)),
        (typeof(AsyncCopy), nameof(AsyncCopy.CloseGroup), nameof(CloseGroup)),
        (typeof(AsyncCopy), nameof(AsyncCopy.WaitForAllButLast), nameof(WaitForAllButLast)),
        (typeof(PackedBFloat16), nameof(PackedBFloat16.Pack), nameof(Pack)),
        (typeof(Fused), nameof(Fused.MultiplyAdd), nameof(FuseMultiplyAdd)),
    ];

    private static void MultiplyAdd(PTXBackend backend, PTXCodeGenerator generator, Value value)
    {
        string[] a = Operands(generator, value), d = Results(generator, value);
        Emit(generator, $"mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {List(d)}, {List(a[4..8])}, {List(a[8..10])}, {List(a[..4])}");
    }

    private static void Load(PTXBackend backend, PTXCodeGenerator generator, Value value)
        => EmitLoad(generator, value, "ldmatrix.sync.aligned.m8n8.x4.shared.b16");

    private static void LoadTransposed(PTXBackend backend, PTXCodeGenerator generator, Value value)
        => EmitLoad(generator, value, "ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16");

    private static void EmitLoad(PTXCodeGenerator generator, Value value, string instruction)
    {
        string address = Operands(generator, value)[0];
        Emit(generator, $"{instruction} {List(Results(generator, value))}, [{address}]");
    }

    private static void GlobalAddress(PTXBackend backend, PTXCodeGenerator generator, Value value)
        => EmitAddress(generator, value, MemoryAddressSpace.Global, "global");

    private static void SharedAddress(PTXBackend backend, PTXCodeGenerator generator, Value value)
        => EmitAddress(generator, value, MemoryAddressSpace.Shared, "shared");

    private static void Pack(PTXBackend backend, PTXCodeGenerator generator, Value value) => EmitScalar(generator, value, "cvt.rn.bf16x2.f32");

    private static void FuseMultiplyAdd(PTXBackend backend, PTXCodeGenerator generator, Value value) => EmitScalar(generator, value, "fma.rn.f32");

    private static void BeginCopy(PTXBackend backend, PTXCodeGenerator generator, Value value)
    {
        string[] a = Operands(generator, value);
        Emit(generator, string.Create(CultureInfo.InvariantCulture, $"cp.async.cg.shared.global [{a[0]}], [{a[1]}], {AsyncCopy.Bytes}, {a[2]}"));
    }

    private static void CloseGroup(PTXBackend backend, PTXCodeGenerator generator, Value value) => Emit(generator, "cp.async.commit_group");

    private static void WaitForAllButLast(PTXBackend backend, PTXCodeGenerator generator, Value value) => Emit(generator, "cp.async.wait_group 1");

    // A generic address is taken into its space; one that the optimiser has found to be there already is not, for cvta of it is undefined.
    private static void EmitAddress(PTXCodeGenerator generator, Value value, MemoryAddressSpace space, string spaceName)
    {
        MemoryAddressSpace found = ((AddressSpaceType)value[0].Type).AddressSpace;
        if (found != space && found != MemoryAddressSpace.Generic)
            throw new InvalidOperationException($"An address in {spaceName} memory is asked for, but it is one in {found} memory.");
        EmitScalar(generator, value, found == space ? "mov.b64" : $"cvta.to.{spaceName}.u64");
    }

    private static void EmitScalar(PTXCodeGenerator generator, Value value, string instruction)
    {
        string[] a = Operands(generator, value);
        string result = Name(generator.AllocateHardware(value));
        Emit(generator, $"{instruction} {result}, {string.Join(", ", a)}");
    }

    private static string[] Operands(PTXCodeGenerator generator, Value value)
        => [.. Enumerable.Range(0, value.Count).Select(i => Name(generator.EnsureHardwareRegister(generator.LoadPrimitive(value[i]))))];

    // One register for each field of the struct that the method returns.
    private static string[] Results(PTXCodeGenerator generator, Value value)
        => [.. ((RegisterGroup)generator.Allocate(value)).Children.Select(static child => Name((Register)child))];

    private static string Name(Register register) => "%" + PTXRegisterAllocator.GetStringRepresentation(register).TrimStart('%');

    private static string List(IEnumerable<string> registers) => $"{{{string.Join(", ", registers)}}}";

    private static void Emit(PTXCodeGenerator generator, string instruction)
    {
        using PTXCodeGenerator.CommandEmitter command = generator.BeginCommand(instruction);
    }
}
