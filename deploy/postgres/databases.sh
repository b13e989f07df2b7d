#!/usr/bin/env bash
# Runs once, on an empty volume: for each service a database and the role that owns it, and nothing for anybody else.
set -euo pipefail
for name in session_api task_runner evidence_store; do
  psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --host=/var/run/postgresql --username=postgres --dbname=postgres \
    --set=name="$name" --set=password="$(cat "/run/onboarding/$name.password")" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name"
  TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8';
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
done
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --host=/var/run/postgresql --username=postgres --dbname=postgres \
  --command='REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC'
