"""Submissions: what a submitter says, the predictions, and a name made of their hashes.

A finished run (`making.make_submission`) or a folder of predictions made elsewhere (`elsewhere.from_predictions`)
becomes a folder that is whole or not there; `writing.to_folder` copies it into a results folder, and
`hub.push_submission` opens a pull request. Here is what readers need, without what brings torch or the Hub's client.
"""

from leaderboard.submission.card import Author, Code, ModelCard, Weights, read_card
from leaderboard.submission.layout import SubmissionError, check_document
from leaderboard.submission.reading import Submission, open_submission
from leaderboard.submission.writing import to_folder

__all__ = [
    "Author",
    "Code",
    "ModelCard",
    "Submission",
    "SubmissionError",
    "Weights",
    "check_document",
    "open_submission",
    "read_card",
    "to_folder",
]
