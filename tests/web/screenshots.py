"""`make screenshots`: docs/pages/*.webp, one sheet for each language, screen and scheme, with every page and state.

They are made of the real pages by a real browser, so they are true as long as somebody makes them again.
"""

import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser

from gateway.store import migrate
from gateway.store.engine import Store
from tests.support.browser import launched
from tests.web.real import House
from tests.web.states import STATES, Walk

FOLDER = Path(__file__).parents[2] / "docs" / "pages"
SCREENS = {"phone": (390, 780, 0.4), "desktop": (960, 700, 0.36)}  # width, height, scale on the sheet
TALLEST = 1400  # pixels of a page that are shown
ACROSS = 7  # pictures in a row
GAP, GROUND = 12, "#8a8d8b"
MOST = 110_000  # bytes a sheet may have


def main() -> int:
    """Make every sheet; return the exit code."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, launched() as browser:
        house = _house(Path(folder))
        try:
            for lang in ("fr", "en"):
                for screen in SCREENS:
                    _sheets(house, browser, lang, screen)
        finally:
            house.close()
    return 0


def _house(folder: Path) -> House:
    url = f"sqlite:///{folder / 'store.db'}"
    store = Store(url)
    migrate.upgrade(store)
    store.close()
    return House(url, folder)


def _sheets(house: House, browser: Browser, lang: str, screen: str) -> None:
    """Go through every state once, and take it by day and by night."""
    width, height, scale = SCREENS[screen]
    context = browser.new_context(
        locale=lang, viewport={"width": width, "height": height}, java_script_enabled=False, device_scale_factor=1
    )
    page = context.new_page()
    answers: list[int] = []
    page.on("response", lambda answer: answers.append(answer.status))
    taken: dict[str, list[Image.Image]] = {"light": [], "dark": []}
    for state, go in STATES.items():
        go(Walk(house, page))
        if max(answers) >= 500:
            raise SystemExit(f"{state}: a mistake of ours is not to be drawn")
        for scheme, pictures in taken.items():
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            picture = Image.open(BytesIO(page.screenshot(full_page=True))).convert("RGB")
            picture = picture.crop((0, 0, picture.width, min(picture.height, TALLEST)))
            size = round(picture.width * scale), round(picture.height * scale)
            pictures.append(picture.resize(size, Image.Resampling.LANCZOS))
    context.close()
    for scheme, pictures in taken.items():
        _write(_sheet(pictures), FOLDER / f"{lang}-{screen}-{scheme}.webp")


def _sheet(pictures: list[Image.Image]) -> Image.Image:
    """Lay pictures out in columns, each under the shortest one so far."""
    wide = pictures[0].width + GAP
    ends = [GAP] * ACROSS
    places = []
    for picture in pictures:
        column = ends.index(min(ends))
        places.append((GAP + column * wide, ends[column]))
        ends[column] += picture.height + GAP
    sheet = Image.new("RGB", (GAP + ACROSS * wide, max(ends)), GROUND)
    for picture, place in zip(pictures, places, strict=True):
        sheet.paste(picture, place)
    return sheet


def _write(sheet: Image.Image, path: Path) -> None:
    """Write the best quality that is small enough."""
    for quality in range(70, 0, -10):
        data = BytesIO()
        sheet.save(data, "WEBP", quality=quality, method=6)
        if len(data.getvalue()) <= MOST:
            break
    path.write_bytes(data.getvalue())
    sys.stdout.write(f"{path.relative_to(FOLDER.parents[1])} {len(data.getvalue())} bytes\n")


if __name__ == "__main__":
    sys.exit(main())
