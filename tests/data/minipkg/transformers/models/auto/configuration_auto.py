from .auto_mappings import CONFIG_MAPPING_NAMES, SPECIAL_MODEL_TYPE_TO_MODULE_NAME


CONFIG_MAPPING_NAMES.update({"oak": "AcornConfig", "pine": "AcornConfig"})

CONFIG_MAPPING_NAMES = dict(**{"ac-orn": "AcornConfig"}, **CONFIG_MAPPING_NAMES)

SPECIAL_MODEL_TYPE_TO_MODULE_NAME.update({"pine": "acorn"})

DEPRECATED_MODELS = ["yew"]
