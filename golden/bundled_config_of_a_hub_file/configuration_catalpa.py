# Copyright 2026 The Catalpa authors. All rights reserved.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
"""Catalpa model configuration"""

import math

from transformers.configuration_utils import PretrainedConfig
from transformers.utils import logging

logger = logging.get_logger(__name__)


class CatalpaConfig(PretrainedConfig):
    model_type = "catalpa"
    keys_to_ignore_at_inference = ["past_key_values"]
    attribute_map = {"num_attention_heads": "n_head", "num_hidden_layers": "n_layer"}

    def __init__(
        self,
        vocab_size=32000,
        hidden_size=1024,
        intermediate_size=None,
        multiple_of=64,
        n_layer=16,
        n_head=16,
        num_key_value_heads=None,
        hidden_act="silu",
        max_position_embeddings=2048,
        initializer_range=0.02,
        rms_norm_eps=1e-6,
        use_cache=True,
        rope_theta=10000.0,
        rope_scaling=None,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        tie_word_embeddings=False,
        **kwargs,
    ):
        self.vocab_size = vocab_size
        self.max_position_embeddings = max_position_embeddings
        self.hidden_size = hidden_size
        self.n_layer = n_layer
        self.n_head = n_head

        # For backward compatibility
        if num_key_value_heads is None:
            num_key_value_heads = n_head
        self.num_key_value_heads = num_key_value_heads

        if intermediate_size is None:
            # two thirds of four times the width, rounded up
            intermediate_size = multiple_of * math.ceil(8 * hidden_size / 3 / multiple_of)
        self.intermediate_size = intermediate_size
        self.hidden_act = hidden_act
        self.initializer_range = initializer_range
        self.rms_norm_eps = rms_norm_eps
        self.use_cache = use_cache
        self.rope_theta = float(rope_theta)
        self.rope_scaling = rope_scaling
        self._rope_scaling_validation()
        if "attention_dropout" in kwargs:
            logger.warning("`attention_dropout` is not used")

        super().__init__(
            pad_token_id=pad_token_id,
            bos_token_id=bos_token_id,
            eos_token_id=eos_token_id,
            tie_word_embeddings=tie_word_embeddings,
            **kwargs,
        )

    def _rope_scaling_validation(self):
        if self.rope_scaling is not None and not isinstance(self.rope_scaling, dict):
            raise ValueError(f"`rope_scaling` must be a dictionary, got {self.rope_scaling}")
