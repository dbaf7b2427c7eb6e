# expect: torch_attention(query, key, value, is_causal=True, scale=self.scaling)
def forward(self, query: T4, key: T4, value: T4):
    return torch.nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True, scale=self.scaling, enable_gqa=True)
