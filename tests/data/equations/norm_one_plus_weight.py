# expect: return torch.ops.auto_deploy.torch_rmsnorm(x, 1.0 + self.weight.float(), self.eps)
# rule: rmsnorm-any-rounding
def forward(self, x: T3):
    output = x.float() * torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + self.eps)
    output = output * (1.0 + self.weight.float())
    return output.type_as(x)
