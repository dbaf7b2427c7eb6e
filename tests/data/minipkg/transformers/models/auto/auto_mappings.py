from collections import OrderedDict


CONFIG_MAPPING_NAMES = OrderedDict(
    [
        ("acorn", "AcornConfig"),
        ("birch", "BirchConfig"),  # ("comment", "CommentConfig"),
        ("birch-text", "BirchTextConfig"),
        (
            "cedar",
            "CedarConfig",
        ),
        ("maple", "MapleConfig"),
        ("oak", "OakConfig"),
    ]
)

SPECIAL_MODEL_TYPE_TO_MODULE_NAME = OrderedDict[str, str](
    [
        ("birch-text", "birch"),
    ]
)
