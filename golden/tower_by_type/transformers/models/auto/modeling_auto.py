from collections import OrderedDict


MODEL_MAPPING_NAMES = OrderedDict([("larch", "LarchModel"), ("sorrel_vision", "SorrelVisionModel")])

MODEL_FOR_CAUSAL_LM_MAPPING_NAMES = OrderedDict([("hazel", "HazelForConditionalGeneration")])
