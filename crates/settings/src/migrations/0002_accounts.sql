-- Who gets in. BIGINT and TEXT only, as before; times are milliseconds since 1970, days are days since 1970, `*` is every site.

-- Every change takes the next number first, so that changes happen one after the other. Whoever follows the sites is not told.
INSERT INTO counters (name, value) VALUES ('accounts', 0);

-- A second factor, or an identity that another party vouches for, will be a table of its own that names the login.
CREATE TABLE users (
    login TEXT NOT NULL PRIMARY KEY,
    -- A PHC string: the way of hashing, its cost, its salt and the hash.
    password TEXT NOT NULL,
    -- 1: somebody else chose it, and it opens nothing but its own change.
    temporary BIGINT NOT NULL,
    created BIGINT NOT NULL,
    password_at BIGINT NOT NULL,
    disabled_at BIGINT
);

CREATE TABLE grants (
    login TEXT NOT NULL,
    site TEXT NOT NULL,
    role TEXT NOT NULL,
    PRIMARY KEY (login, site, role)
);

-- No address and no user agent; `client` is no finer than "Firefox on Linux".
CREATE TABLE sessions (
    sha256 TEXT NOT NULL PRIMARY KEY,
    id TEXT NOT NULL,
    login TEXT NOT NULL,
    client TEXT NOT NULL,
    created BIGINT NOT NULL,
    seen BIGINT NOT NULL,
    idle_until BIGINT NOT NULL,
    expires BIGINT NOT NULL
);
CREATE INDEX sessions_by_login ON sessions (login);

-- A token without an owner was made by the administrator.
CREATE TABLE tokens (
    sha256 TEXT NOT NULL PRIMARY KEY,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    owner TEXT,
    scopes TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT,
    used_day BIGINT
);

CREATE TABLE token_sites (
    id TEXT NOT NULL,
    site TEXT NOT NULL,
    PRIMARY KEY (id, site)
);
