"""Terms and sizes of the student's architecture; this module does not import torch."""

from typing import Literal, get_args

StudentTerm = Literal["infrared", "visible", "difference", "offset"]
STUDENT_TERMS: tuple[StudentTerm, ...] = get_args(StudentTerm)
MAX_STUDENT_WIDTH = 64  # channels; up to 26, the network has at most 0.05 million parameters
