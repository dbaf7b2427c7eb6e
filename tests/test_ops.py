"""The reference ops against PyTorch and against what transformers computes."""

import types

import pytest
import torch
import torch.nn.functional as F
from adgen_reference import ops  # noqa: F401  (registers the ops)

AD = torch.ops.auto_deploy
transformers = pytest.importorskip("transformers")
VERSION = tuple(int(x) for x in transformers.__version__.split(".")[:2])
needs_5 = pytest.mark.skipif(VERSION < (5, 20), reason="names of transformers 5.20")

B, S, N, K, D = 2, 12, 4, 2, 16


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def qkv(dtype=torch.float32, value=D):
    make = lambda heads, width: torch.randn(B, S, heads, width, dtype=dtype)  # noqa: E731
    return make(N, D), make(K, D), make(K, value)


def close(a, b, tolerance=1e-5):
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def naive(q, k, v, keep=None, scale=None, cap=None, sinks=None, bias=None):
    """Attention with the textbook formula on [B, S, N, D]; ``keep`` [S, S] is bool."""
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))
    k, v = (x.repeat_interleave(q.shape[1] // x.shape[1], 1) for x in (k, v))
    scores = q @ k.transpose(2, 3) * (q.shape[-1] ** -0.5 if scale is None else scale)
    if bias is not None:
        scores = scores + bias
    if cap is not None:
        scores = cap * torch.tanh(scores / cap)
    if keep is not None:
        scores = scores.masked_fill(~keep, float("-inf"))
    if sinks is not None:
        column = sinks.view(1, -1, 1, 1).expand(q.shape[0], -1, q.shape[2], 1)
        scores = torch.cat((scores, column), -1)
        return (scores.softmax(-1)[..., :-1] @ v).transpose(1, 2)
    return (scores.softmax(-1) @ v).transpose(1, 2)


def causal(window=None, length=S):
    place = torch.arange(length)
    distance = place[:, None] - place[None]
    return (distance >= 0) & (distance < (window or length))


def attention(q, k, v, **kwargs):
    return AD.torch_attention(q, k, v, layout="bsnd", **kwargs)


def test_attention_grouped_causal():
    q, k, v = qkv(value=24)
    close(attention(q, k, v, is_causal=True), naive(q, k, v, causal()))
    sdpa = F.scaled_dot_product_attention(*(x.transpose(1, 2) for x in (q, k, v)), is_causal=True, enable_gqa=True)
    close(attention(q, k, v, is_causal=True), sdpa.transpose(1, 2))


def test_attention_default_layout_is_bnsd():
    q, k, v = qkv()
    flipped = [x.transpose(1, 2).contiguous() for x in (q, k, v)]
    close(AD.torch_attention(*flipped, is_causal=True).transpose(1, 2), attention(q, k, v, is_causal=True))
    with pytest.raises(ValueError):
        AD.torch_attention(q, k, v, layout="sbnd")


def test_attention_scale_window_and_sinks():
    q, k, v = qkv()
    sinks = torch.randn(N)
    close(attention(q, k, v, is_causal=True, scale=0.5), naive(q, k, v, causal(), scale=0.5))
    close(attention(q, k, v, is_causal=True, sliding_window=3), naive(q, k, v, causal(3)))
    close(attention(q, k, v, is_causal=True, sinks=sinks), naive(q, k, v, causal(), sinks=sinks))


def test_window_masks_the_future_by_itself():
    q, k, v = qkv()
    close(attention(q, k, v, sliding_window=3), naive(q, k, v, causal(3)))


def test_causal_only_for_equal_lengths():
    q, k, v = qkv()
    close(attention(q[:, :5], k, v, is_causal=True), naive(q[:, :5], k, v))


def test_window_puts_queries_after_the_keys():
    q, k, v = qkv()
    keep = torch.zeros(2, S, dtype=torch.bool)
    keep[0, S - 3 :], keep[1, S - 2 :] = True, True
    close(attention(q[:, :2], k, v, sliding_window=4), naive(q[:, :2], k, v, keep))


def test_cap_comes_after_the_masks():
    q, k, v = qkv()
    close(attention(q, k, v, is_causal=True, logit_cap=50.0), naive(q, k, v, causal(), cap=50.0))
    leaking = attention(q, k, v, is_causal=True, logit_cap=1.0)
    bias = torch.zeros(S, S).masked_fill(~causal(), float("-inf"))
    close(leaking, naive(q, k, v, cap=1.0, bias=bias))
    assert (leaking - naive(q, k, v, causal(), cap=1.0)).abs().max() > 1e-2


def test_bool_mask_adds_one():
    q, k, v = qkv()
    mask = causal()[None, None]
    close(attention(q, k, v, attn_mask=mask), naive(q, k, v, causal()))
    sinks = torch.zeros(N)
    close(attention(q, k, v, attn_mask=mask, sinks=sinks), naive(q, k, v, causal(), sinks=sinks - 1.0))


def test_sinks_in_mixed_precision():
    q, k, v = qkv(torch.bfloat16)
    out = attention(q, k, v, is_causal=True, sinks=torch.zeros(N))
    assert out.dtype == torch.bfloat16


@needs_5
def test_attention_equals_gpt_oss_and_gemma2():
    from transformers.models.gemma2.modeling_gemma2 import eager_attention_forward as gemma2
    from transformers.models.gpt_oss.modeling_gpt_oss import eager_attention_forward as gpt_oss

    q, k, v = qkv()
    module = types.SimpleNamespace(num_key_value_groups=N // K, training=False, sinks=torch.randn(N), head_dim=D)
    mask = torch.zeros(1, 1, S, S).masked_fill(~causal(), torch.finfo(torch.float32).min)
    flipped = [x.transpose(1, 2) for x in (q, k, v)]
    want = gpt_oss(module, *flipped, mask, scaling=0.3)[0]
    close(attention(q, k, v, is_causal=True, scale=0.3, sinks=module.sinks), want)
    want = gemma2(module, *flipped, mask, scaling=0.3, softcap=30.0)[0]
    close(attention(q, k, v, is_causal=True, scale=0.3, logit_cap=30.0), want)


def test_repeat_kv_and_sdpa():
    x = torch.randn(B, K, S, D)
    out = AD.torch_attention_repeat_kv(x, 2)
    assert torch.equal(out, x[:, [0, 0, 1, 1]])
    assert AD.torch_attention_repeat_kv(x, 1).data_ptr() != x.data_ptr()
    close(AD.torch_attention_sdpa(x, x, x, is_causal=True), F.scaled_dot_product_attention(x, x, x, is_causal=True))


def latent(rank=20, nope=8, rope=4, value=12):
    q_nope, q_pe = torch.randn(B, S, N, nope), torch.randn(B, S, N, rope)
    c, kpe = torch.randn(B, S, rank), torch.randn(B, S, 1, rope)
    weight = torch.randn(N * (nope + value), rank)
    kv = (c @ weight.t()).view(B, S, N, nope + value)
    k = torch.cat((kv[..., :nope], kpe.expand(-1, -1, N, -1)), -1)
    return (q_nope, q_pe, c, kpe, weight), torch.cat((q_nope, q_pe), -1), k, kv[..., nope:]


def test_mla_is_attention_on_expanded_keys():
    arguments, q, k, v = latent()
    close(AD.torch_mla(*arguments), naive(q, k, v, causal()), 1e-4)
    close(AD.torch_mla(*arguments, False, 0.1), naive(q, k, v, scale=0.1), 1e-4)
    q_nope, q_pe, c, kpe, weight = arguments
    flipped = AD.torch_mla(q_nope.transpose(1, 2), q_pe.transpose(1, 2), c, kpe.transpose(1, 2), weight, layout="bnsd")
    close(flipped.transpose(1, 2), AD.torch_mla(*arguments))


def test_dsa_keeps_the_best_keys():
    arguments, q, k, v = latent()
    index_q, index_k = torch.randn(B, S, 2, 8), torch.randn(B, S, 8)
    weights = torch.rand(B, S, 2)
    everything = AD.torch_dsa(*arguments, index_q, index_k, weights, index_topk=S)
    close(everything, AD.torch_mla(*arguments))
    rank = torch.einsum("bshd,btd,bsh->bst", index_q, index_k, weights)
    rank = rank.masked_fill(~causal(), float("-inf"))
    chosen = torch.zeros(B, S, S, dtype=torch.bool)
    chosen.scatter_(-1, rank.topk(3, -1).indices, True)
    keep = (chosen & causal())[:, None]
    close(AD.torch_dsa(*arguments, index_q, index_k, weights, index_topk=3), naive(q, k, v, keep), 1e-4)


def tables(width=D):
    angles = torch.outer(torch.arange(S).float(), 1.0 / 100 ** (torch.arange(0, width, 2) / width))
    both = torch.cat((angles, angles), -1).expand(B, -1, -1)
    return both.cos(), both.sin(), angles.expand(B, -1, -1)


def test_rope_halves_equals_llama():
    from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

    q, k, _ = qkv()
    cos, sin, _ = tables()
    got = AD.torch_rope_with_explicit_cos_sin(q, k, cos, sin, 2)
    want = apply_rotary_pos_emb(q.transpose(1, 2), k.transpose(1, 2), cos, sin)
    for a, b in zip(got, want, strict=False):
        close(a, b.transpose(1, 2))
    low = AD.torch_rope_with_explicit_cos_sin(q.bfloat16(), k.bfloat16(), cos, sin, 2)
    assert low[0].dtype == low[1].dtype == torch.bfloat16


def test_rope_interleaving_equals_deepseek():
    from transformers.models.deepseek_v3.modeling_deepseek_v3 import (
        apply_rotary_pos_emb_interleave,
    )

    q, k, _ = qkv()
    cos, sin, _ = tables()
    got = AD.torch_rope_with_qk_interleaving(q, k, cos, sin, 2)
    want = apply_rotary_pos_emb_interleave(q.transpose(1, 2), k.transpose(1, 2), cos, sin)
    for a, b in zip(got, want, strict=False):
        close(a, b.transpose(1, 2))


def test_rope_complex_equals_llama4():
    from transformers.models.llama4.modeling_llama4 import apply_rotary_emb

    q, k, _ = qkv()
    _, _, angles = tables()
    freqs = torch.polar(torch.ones_like(angles), angles)
    got = AD.torch_rope_with_complex_freqs(q, k, freqs, 2)
    for a, b in zip(got, apply_rotary_emb(q, k, freqs), strict=False):
        close(a, b)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_rmsnorm_equals_llama_bit_for_bit(dtype):
    from transformers.models.llama.modeling_llama import LlamaRMSNorm

    norm = LlamaRMSNorm(D, eps=1e-3).to(dtype)
    norm.weight.data.normal_()
    x = torch.randn(B, S, D, dtype=dtype)
    assert torch.equal(AD.torch_rmsnorm(x, norm.weight, 1e-3), norm(x))
    assert torch.equal(AD.sharded_rmsnorm(x, norm.weight, 1e-3, 1), norm(x))


def test_gated_norm_in_both_orders():
    x, gate, weight = torch.randn(B, S, D), torch.randn(B, S, D), torch.randn(D)
    rms = lambda t: t * torch.rsqrt(t.pow(2).mean(-1, keepdim=True) + 1e-3)  # noqa: E731
    close(AD.torch_rmsnorm_gated(x, weight, gate, 1e-3, D), rms(x * F.silu(gate)) * weight)
    close(AD.torch_rmsnorm_gated(x, weight, gate, 1e-3, D, True), rms(x) * weight * F.silu(gate))
    close(AD.torch_rmsnorm_gated(x, weight, None, 1e-3, D), rms(x) * weight)
    grouped = rms((x * F.silu(gate)).view(B, S, 4, 4)).view(B, S, D) * weight
    close(AD.torch_rmsnorm_gated(x, weight, gate, 1e-3, 4), grouped)


@needs_5
def test_gated_norm_equals_mamba2_and_qwen3_next():
    from transformers.models.mamba2.modeling_mamba2 import MambaRMSNormGated
    from transformers.models.qwen3_next.modeling_qwen3_next import Qwen3NextRMSNormGated

    x, gate = torch.randn(B, S, D), torch.randn(B, S, D)
    before, after = MambaRMSNormGated(D, 4, eps=1e-3), Qwen3NextRMSNormGated(D, eps=1e-3)
    before.weight.data.normal_()
    after.weight.data.normal_()
    close(AD.torch_rmsnorm_gated(x, before.weight, gate, 1e-3, 4), before(x, gate))
    close(AD.torch_rmsnorm_gated(x, after.weight, gate, 1e-3, D, True), after(x, gate))


def test_l2norm_uses_the_sum():
    x = torch.randn(B, S, D)
    close(AD.torch_l2norm(x), F.normalize(x, dim=-1), 1e-4)


def test_linear_and_structure_ops():
    x, w, b = torch.randn(B, S, D), torch.randn(6, D), torch.randn(6)
    close(AD.torch_linear_simple(x, w, b), F.linear(x, w, b))
    close(AD.torch_linear_simple(x, w, None, tp_mode="colwise", layer_type="mlp"), F.linear(x, w))
    out = AD.view(x, [B, S, -1, 4], tp_scaled_dim=2)
    assert out.shape == (B, S, 4, 4) and out.data_ptr() != x.data_ptr()
    parts = AD.split_with_sizes(x, [10, 6], -1, enable_sharding=True)
    assert [p.shape[-1] for p in parts] == [10, 6] and torch.equal(torch.cat(parts, -1), x)
    assert torch.equal(AD.all_reduce(x), x)
    gate, up, down = torch.randn(8, D), torch.randn(8, D), torch.randn(D, 8)
    want = F.linear(F.silu(F.linear(x, gate)) * F.linear(x, up), down)
    close(AD.torch_swiglu_mlp(x, gate, up, down, None, None, None), want)


def experts(count=4, hidden=D, inner=10):
    return [
        [torch.randn(*shape) / 4 for _ in range(count)] for shape in ((inner, hidden), (hidden, inner), (inner, hidden))
    ]


@needs_5
def test_moe_equals_mixtral_experts():
    from transformers.models.mixtral.configuration_mixtral import MixtralConfig
    from transformers.models.mixtral.modeling_mixtral import MixtralExperts

    w1, w2, w3 = experts()
    config = MixtralConfig(hidden_size=D, intermediate_size=10, num_local_experts=4)
    config._experts_implementation = "eager"
    module = MixtralExperts(config)
    module.gate_up_proj.data = torch.stack([torch.cat(p) for p in zip(w1, w3, strict=False)])
    module.down_proj.data = torch.stack(w2)
    x, ids = torch.randn(7, D), torch.stack([torch.randperm(4)[:2] for _ in range(7)])
    weights = torch.rand(7, 2)
    got = AD.torch_moe(x, ids, weights, w1, w2, w3)
    close(got, module(x, ids, weights))
    stacked = torch.stack([torch.cat(p) for p in zip(w3, w1, strict=False)])
    close(AD.torch_moe_fused(x, ids, weights, stacked, torch.stack(w2)), got)


def test_moe_forms():
    w1, w2, w3 = experts()
    x, ids, weights = torch.randn(B, 3, D), torch.randint(0, 4, (6, 1)), torch.rand(6, 1)
    flat = x.view(-1, D)

    def one(i, row, act):
        return w2[i] @ act(w1[i] @ row)

    chosen = zip(flat, ids[:, 0], weights, strict=True)
    relu2 = torch.stack([w * one(i, r, lambda h: F.relu(h) ** 2) for r, i, w in chosen]).view_as(x)
    close(AD.torch_moe(x, ids, weights, w1, w2, [], is_gated_mlp=False, act_fn=8), relu2)
    scaled = AD.torch_moe(flat, ids, weights, w1, w2, w3, apply_routing_on_input=True)
    close(scaled, AD.torch_moe(flat * weights, ids, torch.ones(6, 1), w1, w2, w3))
    beyond = ids.clone()
    beyond[0] = 99
    assert AD.torch_moe(flat, beyond, weights, w1, w2, w3)[0].abs().max() == 0
    with pytest.raises(AssertionError):
        AD.torch_moe(flat, ids, weights, w1, w2, w3, act_fn=3)


@needs_5
def test_router_and_dense_mlp_equal_gpt_oss():
    from transformers.models.gpt_oss.configuration_gpt_oss import GptOssConfig
    from transformers.models.gpt_oss.modeling_gpt_oss import GptOssExperts, GptOssTopKRouter

    config = GptOssConfig(hidden_size=D, intermediate_size=10, num_local_experts=4, num_experts_per_tok=2)
    config._experts_implementation = "eager"
    router, module = GptOssTopKRouter(config), GptOssExperts(config)
    for tensor in (*router.parameters(), *module.parameters()):
        tensor.data.normal_()
    x = torch.randn(6, D)
    _, scores, ids = router(x)
    dense = AD.torch_moe_router(x, router.weight, router.bias, 2)
    close(dense.gather(1, ids), scores)
    got = AD.torch_moe_dense_mlp(
        x,
        dense,
        module.gate_up_proj,
        module.gate_up_proj_bias,
        module.down_proj,
        module.down_proj_bias,
        1.702,
        7.0,
    )
    close(got, module(x, ids, scores).view_as(got), 1e-4)


def test_conv_is_causal_with_full_padding():
    conv = torch.nn.Conv1d(6, 6, 4, groups=6, padding=3)
    x = torch.randn(B, S, 6)
    want = conv(x.transpose(1, 2))[..., :S].transpose(1, 2)
    close(AD.torch_causal_conv1d(x, conv.weight, conv.bias, 1, 3, 1, 6, "zeros"), want)
    with pytest.raises(AssertionError):
        AD.torch_causal_conv1d(x, conv.weight, None, 1, 3, 1, 6, "reflect")


def test_ssm_step_by_step():
    heads, groups, state, width = 4, 2, 5, 3
    x, dt = torch.randn(B, S, heads, width), torch.randn(B, S, heads)
    b, c = torch.randn(B, S, groups, state), torch.randn(B, S, groups, state)
    a, d, bias = -torch.rand(heads), torch.randn(heads), torch.randn(heads)
    got = AD.torch_ssm(x.bfloat16(), a, b.bfloat16(), c.bfloat16(), d, dt, bias, [0.1, 0.5], 4)
    assert got.dtype == torch.float32
    got = AD.torch_ssm(x, a, b, c, d, dt, bias, [0.1, 0.5], 4)
    step = F.softplus(dt + bias).clamp(0.1, 0.5)
    h = torch.zeros(B, heads, width, state)
    for t in range(S):
        for n in range(heads):
            g = n // 2
            h[:, n] = h[:, n] * torch.exp(a[n] * step[:, t, n])[:, None, None] + torch.einsum(
                "bp,bn->bpn", x[:, t, n] * step[:, t, n, None], b[:, t, g]
            )
            want = torch.einsum("bpn,bn->bp", h[:, n], c[:, t, g]) + d[n] * x[:, t, n]
            close(got[:, t, n], want, 1e-4)


@needs_5
def test_delta_rule_equals_qwen3_next():
    from transformers.models.qwen3_next import modeling_qwen3_next as qwen3_next

    q, k = torch.randn(B, S, 2, 8), torch.randn(B, S, 2, 8)
    v, a, b = torch.randn(B, S, 4, 6), torch.randn(B, S, 4), torch.randn(B, S, 4)
    a_log, bias = torch.randn(4), torch.randn(4)
    got = AD.torch_gated_delta_rule(q, k, v, a, b, a_log, bias)
    g = -a_log.exp() * F.softplus(a + bias)
    repeated = [x.repeat_interleave(2, 2) for x in (q, k)]
    want, _ = qwen3_next.torch_recurrent_gated_delta_rule(
        *repeated,
        v,
        g=g,
        beta=b.sigmoid(),
        initial_state=None,
        output_final_state=False,
        use_qk_l2norm_in_kernel=True,
    )
    close(got, want, 1e-4)


def test_schemas_and_fake_kernels():
    """Every op passes torch's own check: fake shapes and dtypes are those of the real kernel."""
    q, k, v = qkv()
    cos, sin, angles = tables()
    arguments, *_ = latent()
    index = (torch.randn(B, S, 2, 8), torch.randn(B, S, 8), torch.rand(B, S, 2))
    w1, w2, w3 = experts()
    x, ids, weights = torch.randn(6, D), torch.randint(0, 4, (6, 2)), torch.rand(6, 2)
    conv = torch.nn.Conv1d(6, 6, 4, groups=6, padding=3)
    c = torch.randn(B, S, 6)
    freqs = torch.polar(torch.ones_like(angles), angles)
    stacked = torch.stack([torch.cat(p) for p in zip(w3, w1, strict=False)])
    heads4 = torch.randn(4)
    cases = {
        "torch_attention": (q, k, v, None, 0.0, True, 0.5, None, 3, 30.0, "bsnd"),
        "torch_attention_sdpa": (q, q, q),
        "torch_attention_repeat_kv": (q, 2),
        "torch_mla": arguments,
        "torch_dsa": (*arguments, *index, 3),
        "torch_rope_with_explicit_cos_sin": (q, k, cos, sin, 2),
        "torch_rope_with_complex_freqs": (q, k, freqs, 2),
        "torch_rope_with_qk_interleaving": (q, k, cos, sin, 2),
        "torch_rmsnorm": (x, torch.randn(D), 1e-5),
        "torch_rmsnorm_gated": (x, torch.randn(D), x, 1e-5, 4),
        "torch_l2norm": (x,),
        "sharded_rmsnorm": (x, torch.randn(D), 1e-5, 1),
        "torch_linear_simple": (x, torch.randn(3, D), None),
        "torch_swiglu_mlp": (x, w1[0], w3[0], w2[0], None, None, None),
        "view": (x, [2, 3, -1]),
        "split_with_sizes": (x, [4, 12]),
        "all_reduce": (x,),
        "torch_moe": (x, ids, weights, w1, w2, w3),
        "torch_moe_fused": (x, ids, weights, stacked, torch.stack(w2)),
        "torch_moe_router": (x, torch.randn(4, D), torch.randn(4)),
        "torch_moe_dense_mlp": (
            x,
            torch.rand(6, 4),
            torch.randn(4, D, 6),
            torch.randn(4, 6),
            torch.randn(4, 3, D),
            torch.randn(4, D),
        ),
        "torch_causal_conv1d": (c, conv.weight.detach(), None, 1, 3, 1, 6),
        "torch_ssm": (
            torch.randn(B, S, 4, 3),
            -heads4.abs(),
            torch.randn(B, S, 2, 5),
            torch.randn(B, S, 2, 5),
            heads4,
            torch.randn(B, S, 4),
            heads4,
            [0.0, float("inf")],
            4,
        ),
        "torch_gated_delta_rule": (
            torch.randn(B, S, 2, 8),
            torch.randn(B, S, 2, 8),
            torch.randn(B, S, 4, 6),
            torch.randn(B, S, 4),
            torch.randn(B, S, 4),
            heads4,
            heads4,
        ),
    }
    assert set(cases) == set(ops.ALL)
    for name, args in cases.items():
        checks = ("test_schema", "test_faketensor")
        result = torch.library.opcheck(getattr(AD, name).default, args, test_utils=checks)
        assert set(result.values()) == {"SUCCESS"}, (name, result)
