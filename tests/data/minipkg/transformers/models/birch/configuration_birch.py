from ...configuration_utils import PretrainedConfig


class BirchTextConfig(PretrainedConfig):
    model_type = "birch_text"

    def __init__(self, vocab_size=100, hidden_size=32, num_kv_heads=None, rope_parameters=None, return_dict=False, **kwargs):
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        if num_kv_heads is None:
            num_kv_heads = 4
        self.num_kv_heads = num_kv_heads
        self.rope_parameters = rope_parameters
        self.first, self.second = 1, 2
        self.scale = self.hidden_size**-0.5
        super().__init__(return_dict=return_dict, **kwargs)


class BirchConfig(PretrainedConfig):
    model_type = "birch"
    sub_configs = {"text_config": BirchTextConfig}

    def __init__(self, text_config=None, **kwargs):
        self.text_config = text_config
        super().__init__(**kwargs)
