from ...modeling_utils import PreTrainedModel


class MapleModel(PreTrainedModel):
    def forward(self, pixel_values=None):
        return pixel_values
