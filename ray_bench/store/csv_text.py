"""Text that a spreadsheet must not run: what begins like a formula gets an apostrophe before it."""

from __future__ import annotations

import re

#: Spreadsheets compute text that begins so, some of them after blanks; the last four are the
#: full-width forms. An apostrophe makes it text again
#: (OWASP, CSV Injection, https://owasp.org/www-community/attacks/CSV_Injection).
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")
#: The same in the syntax of RE2, for whole columns; control characters count as blanks.
FORMULA_RE2 = r"^[\s\pZ\pC]*[=+\-@\x{ff1d}\x{ff0b}\x{ff0d}\x{ff20}]"
GUARD = "'"


def guarded(text: str) -> str:
    """Return text that no spreadsheet takes for a formula. Numbers must not come here."""
    return f"{GUARD}{text}" if _FORMULA.match(text) else text
