from ...configuration_utils import PreTrainedConfig


class FirConfig(PreTrainedConfig):
    model_type = "fir"

    hidden_size: int = 64
    vocab_size: int = 1000
