namespace GpuTransformer.Modules;

internal static partial class UpstreamOptions
{
    /// <summary>Options of <c>TransformerWrapper</c> that this library does not offer.</summary>
    private static readonly Dictionary<string, string> s_transformerWrapper = Parse(
        """
        num_output_heads=1 to_logits=null token_emb=null memory_tokens_interspersed_every=null max_mem_len=0 shift_mem_down=0 attn_pool=false
        num_pooled_tokens=1 attn_pool_depth=1 dim_pooled_tokens=null attn_z_loss_weight=1e-4 recycling=false train_max_recycle_steps=4
        looped=false max_looped_steps=4 mixture_of_softmax=false mixture_of_softmax_k=4 sigsoftmax_logits=false ff_deep_embed=false
        add_continuous_pred_head=false input_not_include_cache=false
        """);

    private static readonly Dictionary<string, string> s_autoregressive = Parse(
        "mask_prob=0 add_attn_z_loss=false next_embed_loss_weight=0.1 looped_loss_threshold_exit=0.05 looped_loss_slope=50 looped_exit_loss_weight=1");

    private static readonly Dictionary<string, string> s_continuous = Parse(
        "max_mem_len=0 project_in=null project_out=null use_identity_if_same_dim=false probabilistic=false average_pool_embed=false");

    private static readonly Dictionary<string, string> s_xTransformer = Parse("cross_attn_tokens_dropout=0");

    private static readonly Dictionary<string, string> s_none = [];

    private static Dictionary<string, string> WrapperTable(Type options)
        => options == typeof(TransformerWrapperOptions) ? s_transformerWrapper
        : options == typeof(AutoregressiveWrapperOptions) ? s_autoregressive
        : options == typeof(XTransformerBuilder.SharedOptions) ? s_xTransformer
        : options == typeof(ContinuousTransformerWrapperOptions) ? s_continuous
        : s_none;
}
