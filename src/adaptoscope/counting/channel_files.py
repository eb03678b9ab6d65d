"""Files that are channels of one site, as plate readers and ImageJ write and name them."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from adaptoscope.errors import InputError

_NAMES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # MetaXpress and MetaMorph: A01_s1_w1<identifier>.tif, cells_w2FITC_s1.TIF
        r"(?:^|(?<=[_\- .]))w(?P<number>\d{1,2}?)(?:[\dA-F]{8}(?:-[\dA-F]{4,12}){4}|(?!\d)[^_.]*)",
        # Harmony r01c01f01p01-ch1sk1fk1fl1.tiff, Leica cells_ch00.tif
        r"(?:^|(?<=[_\- .]))ch(?P<number>\d{1,3})(?!\d)",
        # Micro-Manager and Bio-Formats: cells_C0.tif, cells - C=1.tif; ImageJ: C1-cells.tif. After
        # a row, as in tile_r1_c2.tif, it is a column.
        r"(?:^|(?<=[_\- .]))(?<!r\d[_\-])(?<!r\d\d[_\-])c=?(?P<number>\d{1,3})(?=$|[_\- .])",
        # Yokogawa: ..._T0001F001L01A01Z01C02.tif
        r"(?<=Z\d\d)C(?P<number>\d\d)(?=$|[_\- .])",
    )
)
# More than that are wells, fields or patients.
_MOST_CHANNELS = 8


@dataclass(frozen=True)
class ChannelToken:
    """How a name says its channel, and the rest of the name, which is that of the site."""

    text: str
    number: int
    site: tuple[str, str]


def channels_in(names: Sequence[str]) -> dict[str, ChannelToken]:
    """Read the channel that each name says, where at least two differ in nothing else.

    Returns
    -------
    dict
        From name to channel; empty where names only look alike.
    """
    for pattern in _NAMES:
        tokens = {}
        for name in names:
            if match := pattern.search(name):
                before, after = name[: match.start()], name[match.end() :]
                tokens[name] = ChannelToken(match[0], int(match["number"]), (before, after.lower()))
        sites = defaultdict(set)
        for token in tokens.values():
            sites[token.site].add(token.number)
        numbers = {token.number for token in tokens.values()}
        # A name that is nothing but the token, as w1.tif, may as well be that of a well.
        several = [site for site, found in sites.items() if len(found) > 1]
        told = any(before or "." not in after[:1] for before, after in several)
        if len(numbers) <= _MOST_CHANNELS and (told or len(several) > 1):
            return tokens
    return {}


def several_channels(
    folder: Path | None, tokens: list[ChannelToken], channel: int | None
) -> InputError:
    """Say that a folder holds several channels, or not the one that was chosen, and which."""
    files = Counter(token.number for token in tokens)
    # The name's own word, without the identifier or the stain that may follow it.
    words = {token.number: re.match(r"\D*\d+", token.text) for token in reversed(tokens)}
    named = {number: word[0] if word else str(number) for number, word in words.items()}
    numbers = sorted(files)
    choice = ", ".join(f"--channel {number} ({named[number]})" for number in numbers)
    return InputError(
        f"The folder {folder} holds the channels of each site as files of their own.",
        expected="the images of one channel, as the same cells would be counted several times"
        if channel is None
        else f"one of {choice}",
        found=", ".join(f"{files[number]} files of {named[number]}" for number in numbers)
        if channel is None
        else f"--channel {channel}",
        remedy=f"choose the channel by its number in the names: {choice}; or name the images that "
        "are to be counted in split.csv beside them (column image)",
    )
