# Copyright 2026 The Willow authors. All rights reserved.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
"""Willow model configuration"""

from huggingface_hub.dataclasses import strict

from ...configuration_utils import PreTrainedConfig
from ...utils import auto_docstring


@auto_docstring(checkpoint="example/willow")
@strict
class WillowConfig(PreTrainedConfig):
    model_type = "willow"

    vocab_size: int = 32000
    hidden_size: int = 512
    num_hidden_layers: int = 4
    num_attention_heads: int = 8
    max_position_embeddings: int = 1024
    resid_dropout: float | int = 0.1
    norm_eps: float = 1e-6
    initializer_range: float = 0.02
    use_cache: bool = True
    tie_word_embeddings: bool = False
    bos_token_id: int | None = 1
    eos_token_id: int | list[int] | None = 2


__all__ = ["WillowConfig"]
