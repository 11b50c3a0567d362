"""Filter patterns for unstructured lines: terms, phrases, `?` for any of, `-` for none of."""

import re
from collections.abc import Callable

from simulator.wire import ApiError

_TERM = re.compile(r'([?-]?)(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))')


def matcher(pattern: str) -> Callable[[str], bool]:
    """Whether a message matches. Raises ApiError for a pattern of another kind.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
    Patterns for JSON, for fields between spaces and by regular expression are not played.
    """
    if pattern.strip()[:1] in ("{", "[", "%"):
        raise ApiError("InvalidParameterException", f"Pattern not simulated: {pattern}")
    terms: dict[str, list[str]] = {"": [], "?": [], "-": []}
    for sign, phrase, word in _TERM.findall(pattern):
        terms[sign].append(re.sub(r"\\(.)", r"\1", phrase) if phrase else word)
    all_of, any_of, none_of = terms.values()

    def matches(message: str) -> bool:
        if any(term in message for term in none_of):
            return False
        if any_of and not any(term in message for term in any_of):
            return False
        return all(term in message for term in all_of)

    return matches
