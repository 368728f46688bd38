#!/bin/bash
# Run by PostgreSQL's image at its first start: Footfall's own user, who owns Footfall's database and nothing else.
set -euo pipefail
PGPASSWORD=$(<"$POSTGRES_PASSWORD_FILE")
export PGPASSWORD
# The password is 64 hexadecimal digits (deploy/compose/secrets.sh); psql quotes it all the same.
psql --username postgres --set ON_ERROR_STOP=1 --set password="$(</run/secrets/postgres/postgres-dashboard)" <<'SQL'
CREATE ROLE footfall LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT 32 PASSWORD :'password';
CREATE DATABASE footfall OWNER footfall;
REVOKE ALL ON DATABASE footfall FROM PUBLIC;
SQL
