"""Keep the catalogues of `streamscope.language` up with the code.

python -m translation                  takes in what is new, drops what is gone, and compiles
python -m translation --check          fails if that would change anything, or if something is not said
python -m translation --missing [ROOM] prints, as JSON, what is not said in Chinese yet
python -m translation --fill FILE      takes in a JSON object, English → Chinese (- is stdin)
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from translation import catalogue
from translation.messages import messages

LANGUAGE = "zh"


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 1 if the catalogue is not as it should be."""
    parser = argparse.ArgumentParser(prog="python -m translation", description=__doc__.partition("\n")[0])
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="fail if anything is missing or left over")
    what.add_argument("--missing", nargs="?", const="", metavar="ROOM", help="print what is not said yet")
    what.add_argument("--fill", metavar="FILE", help="take in a JSON object, English to Chinese")
    options = parser.parse_args(arguments)
    every = messages()
    said = catalogue.read(LANGUAGE)
    if options.missing is not None:
        left = {each.text: "" for each in every if not said.get(each.text) and options.missing in ("", each.room)}
        print(json.dumps(left, ensure_ascii=False, indent=0))
        return 0
    if options.fill is not None:
        text = sys.stdin.read() if options.fill == "-" else Path(options.fill).read_text("utf-8")
        filled = {english: chinese for english, chinese in json.loads(text).items() if chinese}
        known = {each.text for each in every}
        for english in filled.keys() - known:
            print(f"nobody says: {english}", file=sys.stderr)
        said |= filled
    files = catalogue.texts(LANGUAGE, every, said)
    folder = catalogue.folder_of(LANGUAGE)
    if options.check:
        left = [each.text for each in every if not said.get(each.text)]
        old = [
            name for name, text in files.items() if not (folder / name).exists() or (folder / name).read_bytes() != text
        ]
        for name in old:
            print(f"{folder / name} is not up with the code: python -m translation", file=sys.stderr)
        for english in left:
            print(f"not said in {LANGUAGE}: {english}", file=sys.stderr)
        return bool(left or old)
    catalogue.write(LANGUAGE, files)
    print(f"{sum(bool(said.get(each.text)) for each in every)} of {len(every)} messages are said in {LANGUAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
