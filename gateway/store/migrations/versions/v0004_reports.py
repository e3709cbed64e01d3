"""Reports: how an account wants to hear, and which message each row of the outbox is about."""

import sqlalchemy as sa
from alembic import op

revision = "v0004"
down_revision = "v0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("account") as account:
        account.add_column(sa.Column("report", sa.String(), nullable=False, server_default="dsn"))
    with op.batch_alter_table("account") as account:
        account.alter_column("report", server_default=None)
    # Nobody ever read the rows written before: they name no recipient and could be told to nobody.
    op.execute("DELETE FROM report")
    with op.batch_alter_table("report") as report:
        report.add_column(sa.Column("submission_id", sa.BigInteger(), nullable=False))
    op.create_index("ix_report_due", "report", ["due_at"])
    op.create_index("ix_report_ref", "report", ["ref"])
    op.create_index("ix_report_submission", "report", ["submission_id"])
