"""Validates the setting `streams` beyond its JSON Schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_kayzen.messages import settings_messages
from tap_kayzen.output.guesses import did_you_mean
from tap_kayzen.streams.audiences import AudiencesStream
from tap_kayzen.streams.choice import EXCLUSION, chosen, is_exclusion, matching

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence


def problems(
    patterns: Sequence[Any], names: Collection[str], *, has_audiences: bool
) -> Iterator[str]:
    """Yield what is wrong with the setting `streams`.

    Args:
        patterns: The value of the setting; its entries may be of any type.
        names: Names of all streams, including those of `reports`.
        has_audiences: Whether `audience_api_key` is set.
    """
    texts = [each for each in patterns if isinstance(each, str) and each]
    all_exist = True
    for index, pattern in enumerate(patterns):
        if pattern not in texts:
            continue
        found = matching(pattern, names)
        wanted = pattern.removeprefix(EXCLUSION)
        if not found:
            all_exist = False
            hint = did_you_mean(wanted, sorted(names)) or "--discover lists all streams"
            yield settings_messages.NO_MATCHING_STREAM(
                index=index, pattern=wanted, hint=hint
            )
        elif (
            found == {AudiencesStream.name}
            and not has_audiences
            and not is_exclusion(pattern)
        ):
            all_exist = False
            yield settings_messages.STREAM_NEEDS_KEY(index=index)
    existing = {*names} if has_audiences else {*names} - {AudiencesStream.name}
    if texts and all_exist and not chosen(texts, existing, existing):
        yield settings_messages.ALL_STREAMS_EXCLUDED()
