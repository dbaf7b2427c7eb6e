# expect: torch_rope_with_complex_freqs(xq, xk, freqs_cis, 1)
def forward(self, xq: T4, xk: T4, freqs_cis: T3):
    xq_ = torch.view_as_complex(xq.float().reshape(*xq.shape[:-1], -1, 2))
    xk_ = torch.view_as_complex(xk.float().reshape(*xk.shape[:-1], -1, 2))
    f = freqs_cis.unsqueeze(1).to(xq_.device)
    xq_out = torch.view_as_real(xq_ * f).flatten(3).type_as(xq)
    xk_out = torch.view_as_real(xk_ * f).flatten(3).type_as(xk)
    return xq_out, xk_out
