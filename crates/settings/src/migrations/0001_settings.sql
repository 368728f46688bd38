-- One set of statements for PostgreSQL and SQLite: BIGINT and TEXT only, JSON as text.

-- Every change takes the next revision first, and holds the row until it ends: so changes happen one after the other, and
-- whoever sees revision n sees all before it.
CREATE TABLE counters (
    name TEXT NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counters (name, value) VALUES ('revision', 0), ('audit', 0);

CREATE TABLE sites (
    domain TEXT NOT NULL PRIMARY KEY,
    definition TEXT NOT NULL,
    revision BIGINT NOT NULL
);

-- Which zone each site was counted in last, also a site of the configuration file and one that was removed.
CREATE TABLE zones (
    domain TEXT NOT NULL PRIMARY KEY,
    timezone TEXT NOT NULL,
    before_timezone TEXT,
    before_until BIGINT
);

-- What holds from a time on. A definition that is replaced or removed keeps its row until no replay can need it.
CREATE TABLE definitions (
    kind TEXT NOT NULL,
    site TEXT NOT NULL,
    name TEXT NOT NULL,
    effective_from BIGINT NOT NULL,
    effective_until BIGINT,
    body TEXT NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (kind, site, name, effective_from)
);

CREATE TABLE audit (
    number BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    site TEXT,
    detail TEXT NOT NULL
);
