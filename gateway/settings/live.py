"""What a running gateway takes over when it reads its file again (SIGHUP); everything else waits for a restart."""

from gateway.settings.sections import Settings

LIVE = {
    "smtp": ("certificate", "private_key", "max_size", "max_recipients"),
    "upstream": ("url", "tls", "username", "password", "connections"),
    "web": ("acknowledge",),
    "inbound": ("postmaster", "max_size"),
    "limits": (
        "lease", "retries", "expire", "deliveries", "report_after", "complaint_rate", "complaint_minimum",
        "sessions", "sessions_per_host", "sessions_per_account", "idle", "login", "message", "failed_logins",
    ),
    "log": ("level", "format"),
}  # fmt: skip


def renewed(old: Settings, fresh: Settings) -> tuple[Settings, list[str], list[str]]:
    """Return the settings in force from now on, the names of those that change, and of those that wait for a restart.

    `old` are those in force, `fresh` what the file says now.
    """
    changed, waiting, sections = [], [], {}
    for section, field in Settings.model_fields.items():
        mine, theirs = getattr(old, section), getattr(fresh, section)
        differing = [key for key in type(field.default).model_fields if getattr(mine, key) != getattr(theirs, key)]
        taken = [key for key in differing if key in LIVE.get(section, ())]
        changed += [f"{section}.{key}" for key in taken]
        waiting += [f"{section}.{key}" for key in differing if key not in taken]
        sections[section] = mine.model_copy(update={key: getattr(theirs, key) for key in taken})
    return old.model_copy(update=sections), changed, waiting
