using System.Reflection;

namespace GpuTransformer.Modules;

/// <summary>An option of x-transformers that is not offered here.</summary>
/// <param name="Off">The value that switches it off, as JSON.</param>
/// <param name="Why">Why it is not offered.</param>
internal sealed record UpstreamOption(string Off, string Why);

/// <summary>
/// The names that x-transformers 2.26 knows, with the value that switches each off. An option of this list that is not offered here is reported as
/// unsupported unless it has that value; a name that is on no list is a mistake.
/// </summary>
internal static partial class UpstreamOptions
{
    /// <summary>Options of <c>AttentionLayers</c> that this library does not offer.</summary>
    private static readonly Dictionary<string, UpstreamOption> s_layers = Parse(
        """
        # Superseded by others of its kind, and used by nobody known: see docs/differences.md.
        attn_aggregated_residuals=false attn_residuals_last_output_as_query=false attn_aggregated_residual_kwargs={}
        # An option of attention here: attn_data_dependent_alibi.
        data_dependent_alibi=false
        """);

    /// <summary>Options of <c>Attention</c> that this library does not offer; in a stack they carry the prefix attn_ or cross_attn_.</summary>
    private static readonly Dictionary<string, UpstreamOption> s_attention = Parse(
        """
        # Decided by the stack: qkv_receive_diff_residuals without a prefix.
        qkv_receive_diff_residuals=false
        # Not yet: scores are what they are, without noise.
        gumbel_softmax=false gumbel_softmax_temp=1 gumbel_softmax_hard=true
        # Given one by one here.
        data_dependent_alibi_kwargs={}
        # A Python object: derive a Module instead.
        custom_attn_fn=null hybrid_module=null hybrid_mask_kwarg=null hybrid_fold_axial_dim=null hybrid_learned_mix=false
        # About PyTorch, its kernels and its exporter.
        onnxable=false attend_sdp_kwargs=null
        # Not yet: a row of the batch is one sequence.
        flash_pack_seq=false
        """);

    private static readonly Dictionary<string, UpstreamOption> s_feedForward = Parse(
        """
        # A Python object: derive a Module instead.
        custom_activation=null
        """);

    private static readonly Dictionary<string, UpstreamOption> s_attend = Parse(
        """
        # Not yet: scores are what they are, without noise.
        gumbel_softmax=false gumbel_softmax_temp=1 gumbel_softmax_hard=true
        cope=null
        # A Python object: derive a Module instead.
        custom_attn_fn=null
        # About PyTorch, its kernels and its exporter.
        onnxable=false sdp_kwargs=null
        # Not yet: a row of the batch is one sequence.
        flash_pack_seq=false
        """);

    /// <summary>Classes that x-transformers has and this library does not.</summary>
    public static IReadOnlySet<string> Classes { get; } = new HashSet<string>(
        """
        BeliefStateWrapper NextLatentWrapper
        XLAutoregressiveWrapper XValTransformerWrapper XValAutoregressiveWrapper NeoMLP EntropyBasedTokenizer AbsolutePositionalEmbedding
        ScaledSinusoidalEmbedding AlibiPositionalBias RelativePositionBias DynamicPositionBias RotaryEmbedding PolarEmbedding CoPE DataDependentAlibi
        PerRowDataDependentAlibi RelativeProjPositionalBias MultiheadRMSNorm GRUGating HyperConnection OrthogonalResidualUpdate MVSplitResidualUpdate
        AttentionAggregatedResidual DynamicLIMe ShiftTokens FoldAxially ConcatCombine GLU LoRALinear GPTVAE FreeTransformer
        ContinuousTransformerAutoencoder UniversalPretrainWrapper XMLatentDecoder LatentAutoregressive function
        """.Split([' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries));

    /// <summary>Call arguments that x-transformers knows and this library does not.</summary>
    public static IReadOnlySet<string> CallArguments { get; } = new HashSet<string>(
        """
        mems mem_masks seq_pos_offset cache input_not_include_cache cache_age return_hiddens return_gumbel_log_probs rotary_pos_emb polar_pos_emb
        context_pos deep_embeds_and_ids self_attn_additional_kv additional_kv_mask detach_additional_kv route_additional_kv_to_top in_attn_cond
        layers_execute_order repeat_blocks self_attn_kv_residuals cross_attn_kv_residuals flash_pack_seq_kwargs flash_pack_seq_context_kwargs causal
        rel_pos context_rotary_pos_emb prev_attn mem mem_mask return_intermediates value_residual additional_key_values additional_key_value_mask
        kv_input_residual q_delta k_delta v_delta o_delta attn_delta deep_embed return_mems return_attn prefix_attn_len pos seq_start_pos condition
        attn_bias attn_mask self_attn_kv_mask cross_attn_mask context context_mask mask
        embed_ids sum_embeds prepend_embeds prepend_mask excise_prepend_embeds token_emb_kwargs to_logits_kwargs return_embeddings
        return_logits_and_embeddings return_embeddings_and_intermediates return_logit_entropies return_next_embed_pred return_attn_z_loss
        attn_z_loss_weight detach_mems recycle_steps looped_steps max_looped_steps looped_pred_all_logits looped_inference
        looped_exit_prob_threshold return_outputs lens attn_z_loss src_prepend_embeds return_loss rollout_steps
        only_train_generator only_train_critic generator_sample_temperature
        """.Split([' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries));

    /// <summary>What is known of an option that is not offered here; null if the name is not known upstream.</summary>
    public static UpstreamOption? Find(Type options, string name)
    {
        if (Table(options).TryGetValue(name, out UpstreamOption? own))
            return own;

        foreach (PropertyInfo inner in options.GetProperties())
        {
            if (inner.GetCustomAttribute<PrefixAttribute>() is { } prefix && name.StartsWith(prefix.Prefix, StringComparison.Ordinal)
                && Table(inner.PropertyType).TryGetValue(name[prefix.Prefix.Length..], out UpstreamOption? nested))
            {
                return nested;
            }
        }

        return null;
    }

    /// <summary>The options that the class has upstream and that are not offered here.</summary>
    public static IReadOnlyDictionary<string, UpstreamOption> Table(Type options)
        => options == typeof(AttentionLayersOptions) ? s_layers
        : options == typeof(AttentionOptions) ? s_attention
        : options == typeof(FeedForwardOptions) ? s_feedForward
        : options == typeof(AttendOptions) ? s_attend
        : WrapperTable(options);

    private static Dictionary<string, UpstreamOption> Parse(string list)
    {
        var table = new Dictionary<string, UpstreamOption>(StringComparer.Ordinal);
        string why = string.Empty;
        foreach (string line in list.Split(['\n', '\r'], StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.StartsWith('#'))
            {
                why = line[1..].Trim();
                continue;
            }

            foreach (string[] pair in line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(static option => option.Split('=')))
                table.Add(pair[0], new UpstreamOption(pair[1], why));
        }

        return table;
    }
}
