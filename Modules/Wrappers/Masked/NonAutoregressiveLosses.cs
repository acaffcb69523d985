using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>The losses of one batch of a <see cref="NonAutoregressiveWrapper"/>, each a float32 scalar.</summary>
/// <param name="Loss">The model's loss plus the critic's, weighted.</param>
/// <param name="GeneratorLoss">The model's.</param>
/// <param name="CriticLoss">The critic's; null without one.</param>
public sealed record NonAutoregressiveLosses(Tensor Loss, Tensor GeneratorLoss, Tensor? CriticLoss);
