"""The functions of one token that stand in for the sequence-mixing ops."""

import pytest
import torch
from adgen_reference import ops, servable

AD = torch.ops.auto_deploy
B, S, N, K, D = 2, 6, 4, 2, 8


def _cases():
    torch.manual_seed(0)
    r = torch.randn
    return {
        "torch_attention": ((r(B, S, N, D), r(B, S, K, D), r(B, S, K, 12)), {"is_causal": True, "layout": "bsnd"}),
        "torch_mla": ((r(B, S, N, D), r(B, S, N, 4), r(B, S, 10), r(B, S, 1, 4), r(N * 20, 10)), {}),
        "torch_dsa": (
            (
                r(B, S, N, D),
                r(B, S, N, 4),
                r(B, S, 10),
                r(B, S, 1, 4),
                r(N * 20, 10),
                r(B, S, 2, 8),
                r(B, S, 8),
                r(B, S, 2),
                3,
            ),
            {},
        ),
        "torch_ssm": (
            (r(B, S, N, D), -torch.rand(N), r(B, S, 2, 5), r(B, S, 2, 5), r(N), r(B, S, N), r(N), [0.0, 1.0], 4),
            {},
        ),
        "torch_causal_conv1d": ((r(B, S, D), r(D, 1, 4), None, 1, 3, 1, D), {}),
        "torch_gated_delta_rule": (
            (r(B, S, K, D), r(B, S, K, D), r(B, S, N, 6), r(B, S, N), r(B, S, N), r(N), r(N)),
            {},
        ),
    }


@pytest.mark.parametrize("name", list(ops.SEQUENCE_MIXING))
def test_local_function_has_the_shape_of_the_op_and_no_memory(name):
    args, kwargs = _cases()[name]
    op = getattr(AD, name)
    real = op(*args, **kwargs)
    changed = [
        torch.cat((x[:, :2], x[:, 2:3] + 1, x[:, 3:]), 1)
        if isinstance(x, torch.Tensor) and x.shape[:2] == (B, S)
        else x
        for x in args
    ]
    assert not torch.equal(op(*changed, **kwargs)[:, 3:], real[:, 3:])
    with servable.TokenLocal():
        local, moved = op(*args, **kwargs), op(*changed, **kwargs)
    assert local.shape == real.shape and local.dtype == real.dtype
    others = [0, 1, 3, 4, 5]
    assert torch.equal(local[:, others], moved[:, others])
    assert not torch.equal(local[:, 2], moved[:, 2])
