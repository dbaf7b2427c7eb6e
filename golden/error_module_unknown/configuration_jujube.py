# Copyright 2026 The Jujube authors. All rights reserved.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
"""Jujube model configuration"""

from transformers.configuration_utils import PretrainedConfig


class JujubeConfig(PretrainedConfig):
    model_type = "jujube"

    def __init__(
        self,
        vocab_size=32000,
        hidden_size=1024,
        intermediate_size=2816,
        num_hidden_layers=16,
        num_attention_heads=16,
        num_key_value_heads=4,
        max_position_embeddings=2048,
        norm_eps=1e-5,
        dropout=0.0,
        kind="plain",
        tie_word_embeddings=False,
        **kwargs,
    ):
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.intermediate_size = intermediate_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.num_key_value_heads = num_key_value_heads
        self.max_position_embeddings = max_position_embeddings
        self.norm_eps = norm_eps
        self.dropout = dropout
        self.kind = kind
        super().__init__(tie_word_embeddings=tie_word_embeddings, **kwargs)
