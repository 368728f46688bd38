-- Links that let whoever has one read some reports of one site. BIGINT and TEXT only, as before.

CREATE TABLE shares (
    -- In the link's path: it opens nothing, and stays when the link is made anew.
    id TEXT NOT NULL PRIMARY KEY,
    site TEXT NOT NULL,
    name TEXT NOT NULL,
    -- Of the link's 256 random bits.
    sha256 TEXT NOT NULL UNIQUE,
    -- A PHC string, where the link takes a password.
    password TEXT,
    expires BIGINT,
    -- Words with spaces between; `*` is all of them.
    reports TEXT NOT NULL,
    -- The name of the one segment that is shown.
    segment TEXT,
    -- 1: tables may be taken away.
    export BIGINT NOT NULL,
    -- The origins that may frame it, with spaces between.
    origins TEXT NOT NULL,
    made_by TEXT NOT NULL,
    created BIGINT NOT NULL,
    used_day BIGINT
);
CREATE INDEX shares_by_site ON shares (site);

-- What a browser shows instead of the password, once it was right. Nothing about who it is.
CREATE TABLE share_sessions (
    sha256 TEXT NOT NULL PRIMARY KEY,
    share TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL
);
CREATE INDEX share_sessions_by_share ON share_sessions (share);
