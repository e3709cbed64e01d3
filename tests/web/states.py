"""Every page and state that a person can see, each as a way to get there; for axe-core, and for the screenshots."""

from collections.abc import Callable

from playwright.sync_api import Page

from tests.web.real import House


class Walk:
    """One new person going through the pages. Buttons are named by what they send, so that any language will do."""

    def __init__(self, house: House, page: Page) -> None:
        self.house = house
        self.page = page
        self.address = house.newcomer()
        self.here = f"/p/{house.token(self.address)}"
        self.letter = ""

    def go(self, path: str) -> None:
        self.page.goto(self.house.url + path)

    def open(self) -> None:
        """Open everything that can be opened."""
        closed = self.page.locator("details:not([open]) > summary")
        while closed.count():
            closed.first.click()

    def press(self, value: str, **fields: str) -> None:
        """Choose what `fields` say and press the button; wait until what it leads to is all there."""
        form = self.page.locator(f'form:has(input[name="do"][value="{value}"])')
        if not form.is_visible():
            self.open()
        for name, chosen in fields.items():
            form.locator(f'[name="{name}"][value="{chosen}"]').check()
        with self.page.expect_navigation():
            form.get_by_role("button").click()

    def ask(self, right: str) -> None:
        """Ask for a right and open the link in the letter."""
        self.go(f"{self.here}/data")
        self.press("ask", right=right)
        self.letter = self.house.letter_path()
        self.go(self.letter)

    def confirmed(self, right: str) -> None:
        self.ask(right)
        self.press("confirm")

    def stopped(self) -> None:
        self.go(self.here)
        self.press("stop")


def _finer(walk: Walk) -> None:
    walk.stopped()
    walk.open()


def _chose(scope: str) -> Callable[[Walk], None]:
    def go(walk: Walk) -> None:
        walk.stopped()
        walk.press("choose", scope=scope)

    return go


def _then(first: Callable[[Walk], None], value: str, **fields: str) -> Callable[[Walk], None]:
    def go(walk: Walk) -> None:
        first(walk)
        walk.press(value, **fields)

    return go


def _asked(walk: Walk) -> None:
    walk.go(f"{walk.here}/data")
    walk.press("ask", right="access")


def _data(walk: Walk) -> None:
    walk.go(f"{walk.here}/data")
    walk.open()


def _gone(path: str) -> Callable[[Walk], None]:
    def go(walk: Walk) -> None:
        walk.confirmed("erasure")
        walk.go(walk.here + path)

    return go


def _garbled(walk: Walk) -> None:
    walk.go(walk.here)
    walk.page.locator('input[name="do"]').evaluate("field => { field.value = 'nonsense' }")
    walk.press("nonsense")


def _form(walk: Walk, name: str, do: str, *boxes: str, **fields: str) -> None:
    """Fill in the sign-up form of a list and press one of its buttons."""
    walk.go(f"/join/{name}")
    for box in boxes:
        walk.page.check(f'[name="{box}"], [name="age"][value="{box}"]')
    for field, value in fields.items():
        walk.page.fill(f'[name="{field}"]', value)
    with walk.page.expect_navigation():
        walk.page.locator(f'button[value="{do}"]').click()


def _signed(walk: Walk) -> None:
    """Sign up and open the link in the letter."""
    _form(walk, "club", "join", "box-club-form", "box-club-tracking", address=walk.address)
    walk.go(walk.house.join_path(walk.address))


def _child(walk: Walk) -> None:
    """Sign up as a child, and open the link in the child's letter."""
    parent = f"parent-of-{walk.address}"
    _form(walk, "kids", "join", "under15", "joint", "box-kids-form", address=walk.address, parent=parent)
    walk.go(walk.house.join_path(walk.address))


def _parent(walk: Walk) -> None:
    _child(walk)
    walk.go(walk.house.join_path(f"parent-of-{walk.address}"))


def _over(walk: Walk) -> None:
    _signed(walk)
    walk.press("decline")
    walk.go(walk.house.join_path(walk.address))


STATES: dict[str, Callable[[Walk], None]] = {
    "ask": lambda walk: walk.go(walk.here),
    "stopped": Walk.stopped,
    "finer": _finer,
    "list only": _chose("list"),
    "every channel": _chose("all"),
    "why": _then(Walk.stopped, "why", why="too-many"),
    "undone": _then(Walk.stopped, "undo"),
    "garbled": _garbled,
    "data": _data,
    "asked": _asked,
    "access": lambda walk: walk.ask("access"),
    "copy ready": lambda walk: walk.confirmed("access"),
    "copy": _then(lambda walk: walk.confirmed("access"), "copy"),
    "cancelled": _then(lambda walk: walk.ask("access"), "cancel"),
    "rectification": lambda walk: walk.ask("rectification"),
    "correct": lambda walk: walk.confirmed("rectification"),
    "corrected": _then(lambda walk: walk.confirmed("rectification"), "save"),
    "restriction": lambda walk: walk.ask("restriction"),
    "restricted": lambda walk: walk.confirmed("restriction"),
    "lifted": _then(lambda walk: walk.confirmed("restriction"), "lift"),
    "erasure": lambda walk: walk.ask("erasure"),
    "erased": lambda walk: walk.confirmed("erasure"),
    "gone": _gone(""),
    "data gone": _gone("/data"),
    "unknown": lambda walk: walk.go("/p/nothing"),
    "join": lambda walk: walk.go("/join/club"),
    "join, with a parent": lambda walk: walk.go("/join/kids"),
    "join, not ticked": lambda walk: _form(walk, "club", "join", address=walk.address),
    "join, no parent": lambda walk: _form(walk, "kids", "join", "under15", "box-kids-form", address=walk.address),
    "join, sent": lambda walk: _form(walk, "club", "join", "box-club-form", address=walk.address),
    "join, refused": lambda walk: _form(walk, "club", "refuse"),
    "join, confirm": _signed,
    "joined": _then(_signed, "confirm"),
    "join, declined": _then(_signed, "decline"),
    "join, over": _over,
    "join, other one": _then(_child, "confirm"),
    "join, parent": _parent,
}
