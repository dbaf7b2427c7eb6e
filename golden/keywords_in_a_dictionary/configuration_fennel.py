# Copyright 2026 The Fennel authors. All rights reserved.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
from transformers import PretrainedConfig


class FennelConfig(PretrainedConfig):
    model_type = "fennel"
    attribute_map = {"num_hidden_layers": "n_layer", "hidden_size": "n_embd", "num_attention_heads": "n_head"}

    def __init__(
        self,
        vocab_size=512,
        n_positions=256,
        n_embd=64,
        n_layer=2,
        n_head=4,
        n_head_kv=2,
        layer_norm_epsilon=1e-5,
        fused_dense=False,
        flash_attn=False,
        tie_word_embeddings=False,
        **kwargs,
    ):
        self.vocab_size = vocab_size
        self.n_positions = n_positions
        self.n_embd = n_embd
        self.n_layer = n_layer
        self.n_head = n_head
        self.n_head_kv = n_head_kv
        self.layer_norm_epsilon = layer_norm_epsilon
        self.fused_dense = fused_dense
        self.flash_attn = flash_attn
        super().__init__(tie_word_embeddings=tie_word_embeddings, **kwargs)
