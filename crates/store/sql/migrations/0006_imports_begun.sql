-- An insert of a file is noted before it (`begun`) and after it, so that one that was killed in between can be repeated exactly,
-- also when the file has grown. `hits_wait` tells an insert on the way, before which the last hits still waited to be put in
-- order of time. The rows of before say the same as they did: done, and nothing waits.
ALTER TABLE imports
    ADD COLUMN IF NOT EXISTS hits_wait Bool,
    ADD COLUMN IF NOT EXISTS fold_version UInt16,
    ADD COLUMN IF NOT EXISTS begun Bool,
    MODIFY ORDER BY (site, sha256, bytes, hits_wait, begun);
