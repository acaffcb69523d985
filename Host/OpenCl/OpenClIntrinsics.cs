using GpuTransformer.Kernels;
using ILGPU;
using ILGPU.Backends.OpenCL;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;

namespace GpuTransformer.Host.OpenCl;

/// <summary>The OpenCL forms of the intrinsics that a Portable kernel may use.</summary>
internal static class OpenClIntrinsics
{
    /// <summary>Tells a context, which any OpenCL kernel compiled in it then knows. Other backends take no notice.</summary>
    public static void Register(Context context) => context.GetIntrinsicManager().RegisterMethod(
        typeof(Fused).GetMethod(nameof(Fused.MultiplyAdd))!,
        new CLIntrinsic(typeof(OpenClIntrinsics), nameof(FuseMultiplyAdd), IntrinsicImplementationMode.GenerateCode));

    private static void FuseMultiplyAdd(CLBackend backend, CLCodeGenerator generator, Value value)
    {
        CLCodeGenerator.Variable result = generator.Allocate(value);
        CLCodeGenerator.StatementEmitter statement = generator.BeginStatement(result);
        statement.AppendCommand("fma");
        statement.BeginArguments();
        for (int i = 0; i < value.Count; i++)
            statement.AppendArgument(generator.Load(value[i]));
        statement.EndArguments();
        statement.Finish();
    }
}
