"""HTML templates of a package: every text is escaped, a missing value is an error."""

import base64
import hashlib
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape


@cache
def load_environment(package: str) -> Environment:
    """Return the templates in the folder ``templates`` of a package, e.g. ``reports.formats``."""
    return Environment(
        loader=PackageLoader(package),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def compute_policy_hash(text: str) -> str:
    """Compute the hash of a script or style for the content security policy of its page."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
