#!/bin/bash
# Run by PostgreSQL's image at its first start: Footfall's own user, who owns Footfall's database and nothing else. The
# image has read the administrator's password into POSTGRES_PASSWORD by then; Footfall's is read by psql, out of its arguments.
set -euo pipefail
export PASSWORD_FILE=${PASSWORD_FILE:-/run/secrets/postgres/postgres-dashboard}
PGPASSWORD=$POSTGRES_PASSWORD psql --username postgres --no-password --set ON_ERROR_STOP=1 <<'SQL'
\set password `cat "$PASSWORD_FILE"`
CREATE ROLE footfall LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT 32 PASSWORD :'password';
CREATE DATABASE footfall OWNER footfall;
REVOKE ALL ON DATABASE footfall FROM PUBLIC;
SQL
