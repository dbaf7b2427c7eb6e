from ...configuration_utils import PreTrainedConfig


class MapleConfig(PreTrainedConfig):
    model_type = "maple"
