"""Sign-up: the forms of lists, and those who have not confirmed yet."""

import sqlalchemy as sa
from alembic import op

revision = "v0003"
down_revision = "v0002"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "join_form",
        sa.Column("list_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("ask_age", sa.Boolean(), nullable=False),
        sa.Column("returns", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("list_id", name="pk_join_form"),
    )
    op.create_table(
        "sign_up",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("advertiser_id", sa.BigInteger(), nullable=False),
        sa.Column("list_id", sa.BigInteger(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("address_key", sa.String(), nullable=False),
        sa.Column("parent", sa.String(), nullable=False),
        sa.Column("parent_key", sa.String(), nullable=False),
        sa.Column("asked", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("parent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("contact_id", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_sign_up"),
    )
    op.create_index("ix_sign_up_address", "sign_up", ["address_key", "advertiser_id"])
    op.create_index("ix_sign_up_expires", "sign_up", ["expires_at"])
    op.create_index("ix_sign_up_parent", "sign_up", ["parent_key", "advertiser_id"])
