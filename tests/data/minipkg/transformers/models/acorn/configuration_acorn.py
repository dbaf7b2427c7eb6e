from typing import ClassVar

from ...configuration_utils import PreTrainedConfig


class AcornConfig(PreTrainedConfig):
    model_type = "acorn"
    attribute_map = {"n_embd": "hidden_size", "missing": "nowhere", "ffn": "intermediate_size"}

    vocab_size: int = 256
    hidden_size: int = 16
    intermediate_size: int | None = None
    required: int
    registry: ClassVar[dict]
    num_hidden_layers: int = 2
    tie_word_embeddings: bool = False
    pad_token_id: int | None = None

    def __post_init__(self, **kwargs):
        if self.intermediate_size is None:
            self.intermediate_size = 4 * self.hidden_size
        self.derived = self.hidden_size // 2
        if self.derived > 4:
            self.either = 1
        else:
            self.either = 2
        if self.derived < 0:
            raise ValueError("negative")
        else:
            self.checked = True
        if self.derived:
            self.perhaps = 1
        super().__post_init__(**kwargs)

    @property
    def head_dim(self):
        return self.hidden_size // 2

    @property
    def unreadable(self):
        return self.perhaps
