namespace GpuTransformer.Modules;

internal static partial class UpstreamOptions
{
    /// <summary>Options of <c>TransformerWrapper</c> that this library does not offer.</summary>
    private static readonly Dictionary<string, UpstreamOption> s_transformerWrapper = Parse(
        """
        # Inputs with a cache are always the new tokens alone.
        input_not_include_cache=false
        # A Python object: derive a Module instead.
        token_emb=null to_logits=null
        """);

    private static readonly Dictionary<string, UpstreamOption> s_continuous = Parse(
        """
        # Not yet: nothing is carried from one sequence to the next.
        max_mem_len=0
        # A Python object: derive a Module instead.
        project_in=null project_out=null
        """);

    private static readonly Dictionary<string, UpstreamOption> s_continuousAutoregressive = Parse(
        """
        # A Python object: compute the loss of the model's output yourself.
        loss_fn=null
        """);

    private static readonly Dictionary<string, UpstreamOption> s_multiInput = Parse(
        """
        # Not yet: nothing is carried from one sequence to the next.
        max_mem_len=0 shift_mem_down=0
        # Not yet: attention is fused, and this needs the scores as a matrix.
        attn_z_loss_weight=1e-4
        """);

    private static readonly Dictionary<string, UpstreamOption> s_none = [];

    private static Dictionary<string, UpstreamOption> WrapperTable(Type options)
        => options == typeof(TransformerWrapperOptions) ? s_transformerWrapper
        : options == typeof(ContinuousTransformerWrapperOptions) ? s_continuous
        : options == typeof(ContinuousAutoregressiveWrapperOptions) ? s_continuousAutoregressive
        : options == typeof(MultiInputTransformerWrapperOptions) ? s_multiInput
        : s_none;
}
