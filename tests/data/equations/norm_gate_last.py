# expect: torch_rmsnorm_gated(hidden_states, self.weight, gate, self.variance_epsilon, hidden_states.shape[-1], norm_before_gate=True)
def forward(self, hidden_states: T3, gate: T3):
    input_dtype = hidden_states.dtype
    x = hidden_states.to(torch.float32)
    variance = x.pow(2).mean(-1, keepdim=True)
    x = x * torch.rsqrt(variance + self.variance_epsilon)
    x = self.weight * x.to(input_dtype)
    x = x * F.silu(gate.to(torch.float32))
    return x.to(input_dtype)
