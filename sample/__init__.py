"""A fictional company to try everything on: files as tools export them, and the truth beside."""

from sample.errors import (
    FolderNotEmptyError,
    SampleError,
    TooFewPeopleError,
    TruthInsideLandingError,
)
from sample.make import LEAST_PEOPLE, SampleReport, make_records, make_sample

__all__ = [
    "LEAST_PEOPLE",
    "FolderNotEmptyError",
    "SampleError",
    "SampleReport",
    "TooFewPeopleError",
    "TruthInsideLandingError",
    "make_records",
    "make_sample",
]
