# never: auto_deploy
# miss: rmsnorm
def forward(self, hidden_states: T3):
    input_dtype = hidden_states.dtype
    hidden_states = hidden_states.to(torch.float32)
    variance = (hidden_states.pow(2) + self.eps).mean(-1, keepdim=True)
    hidden_states = hidden_states * torch.rsqrt(variance)
    return self.weight * hidden_states.to(input_dtype)
