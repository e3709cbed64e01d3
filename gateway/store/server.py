"""PostgreSQL, for several gateways on one database (psycopg 3)."""

from sqlalchemy import URL, Engine, create_engine

# A node that hangs inside a transaction must not hold up the others for ever.
_SETTINGS = {
    "synchronous_commit": "on",  # "accepted" means that it survives a power cut
    "idle_in_transaction_session_timeout": "60s",
    "timezone": "UTC",
    # A plan kept from when a table was empty reads all of it for every question after the first import.
    "plan_cache_mode": "force_custom_plan",
    # The default is that of turning disks, and has all of a table read for a question about some thousand people.
    "random_page_cost": "1.1",
}


def engines(url: URL, busy: float, connections: int) -> tuple[Engine, Engine, Engine]:
    """Return the engines that write, read and give numbers; a transaction waits for a lock `busy` seconds at most.

    Numbers have a connection of their own: a thread asks for them while it holds one, and if all threads did so they
    would wait for each other.
    """
    settings = {**_SETTINGS, "lock_timeout": f"{int(busy * 1000)}ms"}
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    given = url.query.get("options", "")
    arguments = {
        "options": f"{given if isinstance(given, str) else ' '.join(given)} {options}".strip(),
        "application_name": "consentgate",
        "connect_timeout": 10,
        "keepalives_idle": 30,
    }

    def engine(size: int, more: int) -> Engine:
        return create_engine(
            url.difference_update_query(["options"]),
            connect_args=arguments,
            pool_size=size,
            max_overflow=more,
            pool_timeout=busy,
            pool_pre_ping=True,  # a server that was restarted is not noticed by the first transaction after it
            pool_use_lifo=True,
        )

    writer = engine(connections, connections)
    # One moment for all statements of a reading: facts read together are of one state of the world.
    reader = writer.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return writer, reader, engine(1, 0)
