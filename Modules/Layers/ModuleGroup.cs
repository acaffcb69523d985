using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>Modules under a common part of their path, as PyTorch's Sequential and ModuleList make them; computes nothing itself.</summary>
internal sealed class ModuleGroup(ParameterInitializer initializer) : Module(initializer)
{
    public TModule Add<TModule>(string name, TModule child)
        where TModule : Module
        => AddChild(name, child);

    public Tensor AddTensor(string name, Tensor value) => AddParameter(name, value);

    public override Tensor Invoke(CallArguments arguments) => throw new NotSupportedException("A group of modules cannot be called; call what is inside.");
}
