"""The base of configurations of a package in miniature: what adgen reads of a large file, without reading it all."""

from typing import ClassVar

from .utils import PushMixin


CONSTANT = {
    "not": "a field",
}


def helper(self):
    self.not_a_field = 1


class PreTrainedConfig(PushMixin):
    r"""
    self.in_docstring = 1
    """

    model_type: ClassVar[str] = ""
    attribute_map: ClassVar[dict[str, str]] = {}
    return_dict: bool | None = True
    # ( an unbalanced bracket in a comment
    text: str = "class NotAClass: # no comment"
    is_encoder_decoder: bool = (
        False
    )

    def __post_init__(self, **kwargs):
        self._name = kwargs.pop("name", "")
        if kwargs:
            self.sometimes = 1
        for key, value in kwargs.items():
            setattr(self, key, value)

    @property
    def use_return_dict(self):
        return self.return_dict

    @property
    def rope_scaling(self):
        return self.rope_parameters

    @use_return_dict.setter
    def use_return_dict(self, value):
        self.return_dict = value

    def method(self):
        self.late = 1


PretrainedConfig = PreTrainedConfig
