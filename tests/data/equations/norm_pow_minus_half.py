# expect: torch_rmsnorm(hidden_states, self.weight, self.eps)
def forward(self, hidden_states: T3):
    mean_squared = hidden_states.float().pow(2).mean(-1, keepdim=True) + self.eps
    normed_output = hidden_states.float() * torch.pow(mean_squared, -0.5)
    normed_output = normed_output * self.weight.float()
    return normed_output.type_as(hidden_states)
