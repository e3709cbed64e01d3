"""PostgreSQL, for several gateways on one database (psycopg 3)."""

from sqlalchemy import URL, Engine, create_engine

# A node that hangs inside a transaction must not hold up the others for ever.
_SETTINGS = {
    "synchronous_commit": "on",  # "accepted" means that it survives a power cut
    "idle_in_transaction_session_timeout": "60s",
    "timezone": "UTC",
    # A plan kept from when a table was empty reads all of it for every question after the first import.
    "plan_cache_mode": "force_custom_plan",
}


def engines(url: URL, busy: float, connections: int) -> tuple[Engine, Engine]:
    """Return the engine that writes and the one that reads; a transaction waits for a lock `busy` seconds at most."""
    settings = {**_SETTINGS, "lock_timeout": f"{int(busy * 1000)}ms"}
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    given = url.query.get("options", "")
    writer = create_engine(
        url.set(drivername="postgresql+psycopg").difference_update_query(["options"]),
        connect_args={
            "options": f"{given if isinstance(given, str) else ' '.join(given)} {options}".strip(),
            "application_name": "consentgate",
            "connect_timeout": 10,
            "keepalives_idle": 30,
        },
        pool_size=connections,
        max_overflow=connections,
        pool_timeout=busy,
        pool_pre_ping=True,  # a server that was restarted is not noticed by the first transaction after it
        pool_use_lifo=True,
    )
    # One moment for all statements of a reading: facts read together are of one state of the world.
    reader = writer.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return writer, reader
