-- Reports of a site that are sent by e-mail. BIGINT and TEXT only, as before.

CREATE TABLE mailings (
    id TEXT NOT NULL PRIMARY KEY,
    site TEXT NOT NULL,
    -- weekly, of Monday to Sunday; monthly, of a calendar month.
    rhythm TEXT NOT NULL,
    -- Of the site's day.
    hour BIGINT NOT NULL,
    language TEXT NOT NULL,
    made_by TEXT NOT NULL,
    created BIGINT NOT NULL
);
CREATE INDEX mailings_by_site ON mailings (site);

-- Periods are known by their last day, as days since 1970.
CREATE TABLE mailing_recipients (
    mailing TEXT NOT NULL,
    address TEXT NOT NULL,
    -- What a mail's link to unsubscribe shows. It is kept as it is, because each mail carries it, and it opens nothing else.
    secret TEXT NOT NULL UNIQUE,
    sent_through BIGINT,
    -- What is being sent, how often it was tried, and from when on it may be tried again.
    trying_through BIGINT,
    attempts BIGINT NOT NULL,
    retry_at BIGINT,
    PRIMARY KEY (mailing, address)
);
