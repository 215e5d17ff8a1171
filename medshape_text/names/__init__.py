"""What a MedShapeNet file name says: whose it is, which structure, side and level. It has no other labels.

Everything is read from three tables: :data:`GRAMMARS` (how a name is put together and what its id means),
:data:`REFUSALS` (names that are no anatomy) and the layouts of a structure's spelling. Whether a structure is known is
the question of :mod:`medshape_text.taxonomy`, not asked here.
"""

from medshape_text.names.grammars import GRAMMARS, REFUSALS, Grammar
from medshape_text.names.parsing import MAX_LENGTH, SIDES, ParsedName, Spelling, Unparsable, parse, spell

__all__ = [
    "GRAMMARS",
    "MAX_LENGTH",
    "REFUSALS",
    "SIDES",
    "Grammar",
    "ParsedName",
    "Spelling",
    "Unparsable",
    "parse",
    "spell",
]
