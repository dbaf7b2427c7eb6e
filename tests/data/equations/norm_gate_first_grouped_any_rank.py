# expect: torch_rmsnorm_gated(hidden_states, self.weight, gate, self.variance_epsilon, self.group_size, norm_before_gate=False)
def forward(self, hidden_states: T, gate: T):
    input_dtype = hidden_states.dtype
    x = hidden_states.to(torch.float32)
    x = x * nn.functional.silu(gate.to(torch.float32))
    *prefix_dims, last_dim = x.shape
    group_count = last_dim // self.group_size
    groups = x.view(*prefix_dims, group_count, self.group_size)
    variance = groups.pow(2).mean(-1, keepdim=True)
    groups = groups * torch.rsqrt(variance + self.variance_epsilon)
    x = groups.view(*prefix_dims, group_count * self.group_size)
    return self.weight * x.to(input_dtype)
