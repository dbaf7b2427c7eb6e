# Copyright 2026 The Whitebeam authors. All rights reserved.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
"""Whitebeam model configuration"""

from ...configuration_utils import PreTrainedConfig, SubConfigSpec
from ..auto import AutoConfig


class WhitebeamConfig(PreTrainedConfig):
    model_type = "whitebeam"
    sub_configs_defaults = {
        "text_config": SubConfigSpec(config_class=AutoConfig, model_type="larch", init_kwargs={"hidden_size": 512}),
        "vision_config": SubConfigSpec(config_class=AutoConfig, model_type="sorrel_vision"),
    }

    text_config: dict | PreTrainedConfig | None = None
    vision_config: dict | PreTrainedConfig | None = None
    image_token_index: int = 31999
    tie_word_embeddings: bool = True


__all__ = ["WhitebeamConfig"]
