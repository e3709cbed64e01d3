"""Fields that ask a hosted next hop to put an opt-out of its own into the message: then there are two.

What one system then knows of a refusal the other does not. The sender is warned; nothing is stopped.
"""

import json
from collections.abc import Iterator

from gateway.mail.headers import Headers


def optouts(fields: Headers) -> Iterator[tuple[str, str]]:
    """Yield the fields that ask for one, as they are usually written, each with the key of its cure."""
    for found in fields.fields:
        match found.name:
            case "x-ses-list-management-options":
                yield "X-SES-LIST-MANAGEMENT-OPTIONS", "cure-ses"
            case "x-smtpapi" if _asks_sendgrid(found.text):
                yield "X-SMTPAPI", "cure-sendgrid"
            case "x-msys-api" if not _is_transactional(found.text):
                yield "X-MSYS-API", "cure-sparkpost"
            case "x-pm-message-stream" if found.text.strip().lower() != "outbound":
                yield "X-PM-Message-Stream", "cure-postmark"
            case "x-mailgun-tag" | "x-mailgun-campaign-id" | "x-mailgun-variables" | "x-mailgun-track":
                yield found.name.title(), "cure-mailgun"
            case "x-mc-autohtml" | "x-mc-template" | "x-mc-tags":
                yield found.name.title().replace("-Mc-", "-MC-"), "cure-mandrill"
            case "x-mj-campaign" | "x-mailjet-campaign":
                yield found.name.title(), "cure-mailjet"
            case _:
                continue


def _asks_sendgrid(value: str) -> bool:
    """Return whether X-SMTPAPI leaves subscription tracking to the account or names a group; bad JSON may do either."""
    given = _object(value)
    settings: object = given
    for name in ("filters", "subscriptiontrack", "settings"):
        settings = settings.get(name) if isinstance(settings, dict) else None
    off = isinstance(settings, dict) and settings.get("enable") in (0, "0")
    return not off or "asm_group_id" in given or "asm_groups_to_display" in given


def _is_transactional(value: str) -> bool:
    options = _object(value).get("options")
    return isinstance(options, dict) and options.get("transactional") is True


def _object(value: str) -> dict[str, object]:
    try:
        given = json.loads(value)
    except (ValueError, RecursionError):
        return {}
    return given if isinstance(given, dict) else {}
