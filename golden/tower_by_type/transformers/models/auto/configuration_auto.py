from collections import OrderedDict


CONFIG_MAPPING_NAMES = OrderedDict([("fir", "FirConfig"), ("hazel", "HazelConfig"), ("larch", "LarchConfig")])
