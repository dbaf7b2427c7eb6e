# Copyright 2026 The Quince authors. All rights reserved.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
"""Quince model configuration"""

from ...configuration_utils import PreTrainedConfig
from ..auto import AutoConfig


class QuinceConfig(PreTrainedConfig):
    model_type = "quince"
    sub_configs = {
        "text_config": AutoConfig,
        "vision_config": AutoConfig,
    }

    text_config: dict | PreTrainedConfig | None = None
    vision_config: dict | PreTrainedConfig | None = None
    image_token_index: int = 31999
    tie_word_embeddings: bool = True


__all__ = ["QuinceConfig"]
