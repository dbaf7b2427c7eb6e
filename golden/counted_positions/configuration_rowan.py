from transformers import PretrainedConfig


class RowanConfig(PretrainedConfig):
    model_type = "rowan"

    def __init__(self, vocab_size=512, n_embd=64, n_layer=2, n_head=4, block_size=128, bias=True, **kwargs):
        super().__init__(**kwargs)
        self.vocab_size = vocab_size
        self.n_embd = n_embd
        self.n_layer = n_layer
        self.n_head = n_head
        self.block_size = block_size
        self.bias = bias
