"""Requests confirmed through the mailbox; swift opt-outs and their bursts."""

import sqlalchemy as sa
from alembic import op

revision = "v0006"
down_revision = "v0005"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("request") as request:
        request.add_column(sa.Column("link_until", sa.DateTime(timezone=True), nullable=True))
        request.add_column(sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True))
        request.add_column(sa.Column("certificate", sa.JSON(), nullable=False, server_default="{}"))
    with op.batch_alter_table("request") as request:
        request.alter_column("certificate", server_default=None)
    op.create_table(
        "swift",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("advertiser_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("list_id", sa.BigInteger(), nullable=True),
        sa.Column("network", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("again", sa.Boolean(), nullable=False),
        sa.Column("burst_id", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_swift"),
    )
    op.create_index("ix_swift_network", "swift", ["network", "at"])
    op.create_index("ix_swift_contact_id", "swift", ["contact_id"])
    op.create_index("ix_swift_burst_id", "swift", ["burst_id"])
    op.create_table(
        "burst",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("advertiser_id", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("actor", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_burst"),
    )
    op.create_index("ix_burst_advertiser_id", "burst", ["advertiser_id"])
