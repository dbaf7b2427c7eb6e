# expect: torch_rmsnorm(x, self.weight, self.eps)
# rule: rmsnorm-function
def forward(self, x: T3):
    return F.rms_norm(x, (self.dim,), self.weight, self.eps)
