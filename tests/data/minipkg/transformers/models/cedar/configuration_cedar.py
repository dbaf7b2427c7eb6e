from ..acorn.configuration_acorn import AcornConfig


class CedarConfig(AcornConfig):
    model_type = "cedar"
    hidden_size: int = 64
    extra: float = 0.5
