"""Loss and sample images of the student's only stage."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from fusion.losses.structure import compute_structure_terms
from fusion.networks.student import Student
from fusion.training.data.random_streams import RandomStreams
from fusion.training.recipe.schema import StudentRecipe
from fusion.training.recipe.stage_options import DistillationStageOptions
from fusion.training.stages.contract import TOTAL_LOSS, disable_autocast


class DistillationStage(nn.Module):
    """The student learns from the teacher's fused images and from the sources."""

    sample_side = 256

    def __init__(
        self,
        recipe: StudentRecipe,
        options: DistillationStageOptions,
        start_weights: Mapping[str, Tensor] | None,
    ) -> None:
        """Build the network.

        Args:
            recipe: The whole recipe.
            options: Its section of this stage.
            start_weights: Weights of an earlier training of this stage; None starts from the mean
                of both images.
        """
        super().__init__()
        self._options = options
        self.network = Student(recipe.network.width)
        if start_weights is not None:
            self.network.load_state_dict(dict(start_weights))

    def forward(self, images: Tensor, streams: RandomStreams) -> dict[str, Tensor]:
        """Compute the weighted terms and their sum.

        Args:
            images: (visible, infrared, teacher) luminance, (N, 3, H, W) in [0, 1].
            streams: Not used; nothing is random.
        """
        visible, infrared, teacher = images.chunk(3, dim=1)
        fused = self.network(infrared, visible).float()
        with disable_autocast(images):
            terms = {
                "teacher": self._options.teacher_weight * (fused - teacher).abs().mean(),
                **compute_structure_terms(fused, infrared, visible, self._options.structure),
            }
        return {**terms, TOTAL_LOSS: torch.stack(list(terms.values())).sum()}

    def make_sample_images(self, images: Tensor, streams: RandomStreams) -> Tensor:
        """Return infrared, visible, teacher's and fused image."""
        visible, infrared, teacher = images.chunk(3, dim=1)
        fused = self.network(infrared, visible).float().clamp(0, 1)
        return torch.cat((infrared, visible, teacher, fused), dim=1)
