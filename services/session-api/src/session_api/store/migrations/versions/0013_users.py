"""Users as their tokens name them. The id is in the token, or made of issuer and subject."""

from onboarding_shared.postgres.migrate import run_script

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    run_script("""
CREATE TABLE users (
    id           bigint      NOT NULL PRIMARY KEY,
    issuer       text        NOT NULL,
    subject      text        NOT NULL,
    display_name text,
    seen_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT users_id_positive CHECK (id > 0)
);
CREATE INDEX users_by_name ON users (lower(display_name), id) WHERE display_name IS NOT NULL;
""")
