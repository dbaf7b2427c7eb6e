# Copyright 2026 The Chestnut authors. All rights reserved.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
"""Chestnut model configuration"""

from huggingface_hub.dataclasses import strict

from ...configuration_utils import PreTrainedConfig
from ...modeling_rope_utils import RopeParameters
from ...utils import auto_docstring, logging


logger = logging.get_logger(__name__)


@auto_docstring(checkpoint="example/chestnut")
@strict
class ChestnutConfig(PreTrainedConfig):
    model_type = "chestnut"
    keys_to_ignore_at_inference = ["past_key_values"]
    attribute_map = {"intermediate_size": "ffn_dim"}
    default_theta = {"global": 1_000_000.0, "local": 10_000.0}

    vocab_size: int = 32000
    hidden_size: int = 1024
    ffn_dim: int = 2816
    num_hidden_layers: int = 16
    num_attention_heads: int = 16
    num_key_value_heads: int | None = None
    head_dim: int | None = None
    hidden_act: str = "silu"
    max_position_embeddings: int = 8192
    initializer_range: float = 0.02
    rms_norm_eps: float = 1e-6
    use_cache: bool = True
    tie_word_embeddings: bool = False
    rope_parameters: RopeParameters | dict | None = None
    use_sliding_window: bool = True
    sliding_window: int | None = 1024
    layer_types: list[str] | None = None
    attention_dropout: float | int = 0.0
    pad_token_id: int | None = None
    bos_token_id: int | None = 1
    eos_token_id: int | list[int] | None = 2

    def __post_init__(self, **kwargs):
        if self.head_dim is None:
            self.head_dim = self.hidden_size // self.num_attention_heads
        if self.eos_token_id is None:
            self.eos_token_id = [2, 3]
        if self.num_key_value_heads is None:
            self.num_key_value_heads = self.num_attention_heads
        elif self.num_attention_heads % self.num_key_value_heads:
            raise ValueError("the heads cannot be shared evenly")
        self.sliding_window = self.sliding_window if self.use_sliding_window else None

        # Older files give the pattern as a number
        pattern = kwargs.pop("sliding_window_pattern", 4)
        if self.layer_types is None:
            self.layer_types = []
            for i in range(self.num_hidden_layers):
                sliding = self.sliding_window is not None and (i + 1) % pattern
                self.layer_types.append("sliding_attention" if sliding else "full_attention")
        if "dropout" in kwargs:
            logger.warning_once("`dropout` is not used")
        super().__post_init__(**kwargs)

    def validate_architecture(self):
        if self.hidden_size % self.num_attention_heads:
            raise ValueError("the hidden size is no multiple of the heads")

    def convert_rope_params_to_dict(self, **kwargs):
        rope_scaling = kwargs.pop("rope_scaling", None)
        if self.rope_parameters is None:
            self.rope_parameters = {
                "full_attention": {"rope_type": "default"},
                "sliding_attention": {"rope_type": "default"},
            }
        if rope_scaling is not None:
            self.rope_parameters["full_attention"].update(rope_scaling)
        theta = kwargs.pop("rope_theta", self.default_theta["global"])
        self.rope_parameters["full_attention"].setdefault("rope_theta", theta)
        self.rope_parameters["sliding_attention"].setdefault("rope_theta", self.default_theta["local"])
        self.standardize_rope_params()
        return kwargs


__all__ = ["ChestnutConfig"]
