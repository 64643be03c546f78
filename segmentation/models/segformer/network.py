"""mmseg's SegFormer network, the parameter groups of its optimizer, and its libraries' log."""

import logging
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusebench.data.label_maps import IGNORE_INDEX
from fusebench.runtime import library_log
from segmentation.models.segformer.options import Options

if TYPE_CHECKING:
    from torch import nn

FIRST_STAGE_CHANNELS = {"mit_b0": 32}  # all larger backbones have 64
BLOCKS_PER_STAGE = {
    "mit_b0": (2, 2, 2, 2),
    "mit_b1": (2, 2, 2, 2),
    "mit_b2": (3, 4, 6, 3),
    "mit_b3": (3, 4, 18, 3),
    "mit_b4": (3, 8, 27, 3),
    "mit_b5": (3, 6, 40, 3),
}
ATTENTION_HEADS = (1, 2, 5, 8)  # per stage; a stage has width times heads channels
IMAGENET_MEAN = (123.675, 116.28, 103.53)  # RGB, 0 to 255
IMAGENET_STD = (58.395, 57.12, 57.375)
FIRST_LAYER_WEIGHT = "backbone.layers.0.0.projection.weight"


def redirect_library_output(path: Path) -> AbstractContextManager[None]:
    """Append mmengine's messages, all warnings and all prints of a block to the log ``path``.

    Import mmcv for the first time within the block: it warns that it has no compiled operators
    (none is used).
    """
    return library_log.redirect_library_output(path, _get_logger)


def _get_logger() -> logging.Logger:
    from mmengine.logging import MMLogger

    logger: logging.Logger = MMLogger.get_current_instance()
    return logger


def extend_to_infrared(values: tuple[float, ...], channels: int) -> tuple[float, ...]:
    """Extend a value per color channel by infrared, which gets their mean, if there are four."""
    return values if channels == 3 else (*values, sum(values) / len(values))


def build_network(options: Options, outputs: int, channels: int = 3) -> "nn.Module":
    """Build an untrained network with random weights from torch's generator.

    Args:
        options: Size of the encoder and head, drop rates, crop size.
        outputs: Number of predicted classes.
        channels: Of the images: 3, or 4 with infrared.
    """
    import mmseg.models  # registers the types that are named below
    from mmseg.registry import MODELS

    width = FIRST_STAGE_CHANNELS.get(options.backbone, 64)
    crop = options.crop_size
    network: nn.Module = MODELS.build(
        {
            "type": mmseg.models.EncoderDecoder,
            "data_preprocessor": {
                "type": mmseg.models.SegDataPreProcessor,
                "mean": IMAGENET_MEAN,
                "std": IMAGENET_STD,
                "pad_val": 0,  # after normalization: the mean color
                "seg_pad_val": IGNORE_INDEX,
                "size": crop[::-1],
            },
            "backbone": {
                "type": "MixVisionTransformer",
                "in_channels": channels,
                "embed_dims": width,
                "num_layers": BLOCKS_PER_STAGE[options.backbone],
                "num_heads": ATTENTION_HEADS,
                "drop_path_rate": options.drop_path,
            },
            "decode_head": {
                "type": "SegformerHead",
                "in_channels": [width * heads for heads in ATTENTION_HEADS],
                "in_index": [0, 1, 2, 3],
                "channels": options.embedding,
                "dropout_ratio": options.dropout,
                "num_classes": outputs,
                "norm_cfg": {"type": "BN"},
                "align_corners": False,
                "loss_decode": {"type": "CrossEntropyLoss", "avg_non_ignore": True},
            },
            "test_cfg": {"mode": "whole"},
        }
    )
    if channels != len(IMAGENET_MEAN):
        _normalize_infrared(network, channels)
    if options.head == "linear":
        _make_head_linear(network)
    return network


def _normalize_infrared(network: Any, channels: int) -> None:
    """Replace the mean and standard deviation of the images; mmengine refuses four values."""
    import torch

    for name, values in (("mean", IMAGENET_MEAN), ("std", IMAGENET_STD)):
        extended = torch.tensor(extend_to_infrared(values, channels)).view(-1, 1, 1)
        network.data_preprocessor.register_buffer(name, extended, persistent=False)


def _make_head_linear(network: Any) -> None:
    """Replace the head's four first layers by convolutions alone, with a bias."""
    from torch import nn

    head = network.decode_head
    head.convs = nn.ModuleList(nn.Conv2d(width, head.channels, 1) for width in head.in_channels)


def build_parameter_groups(network: Any, options: Options) -> list[dict[str, Any]]:
    """Return three groups: encoder; its norms, without weight decay; head, with a higher rate.

    As in SegMiF, the head's batch norms do have weight decay.
    """
    from torch import nn

    norms = {
        id(parameter)
        for module in network.backbone.modules()
        if isinstance(module, nn.LayerNorm)
        for parameter in module.parameters()
    }
    encoder = list(network.backbone.parameters())
    rate, decay = options.learning_rate, options.weight_decay
    return [
        _build_parameter_group([p for p in encoder if id(p) not in norms], rate, decay),
        _build_parameter_group([p for p in encoder if id(p) in norms], rate, 0.0),
        _build_parameter_group(
            list(network.decode_head.parameters()), rate * options.head_factor, decay
        ),
    ]


def _build_parameter_group(
    parameters: list["nn.Parameter"], rate: float, decay: float
) -> dict[str, Any]:
    return {"params": parameters, "lr": rate, "initial_lr": rate, "weight_decay": decay}
