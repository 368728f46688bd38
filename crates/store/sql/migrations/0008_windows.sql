-- Ten times as many places for deduplication tokens. A processor that is cut off from ClickHouse, and from nothing else, keeps its
-- partitions and repeats its insert when it is back; meanwhile the others insert. 32 partitions flushing every ten seconds
-- filled the 10,000 places in 52 minutes; 100,000 last for almost nine hours. A place costs about 60 bytes on the disk.
ALTER TABLE counts MODIFY SETTING non_replicated_deduplication_window = 100000;
ALTER TABLE ledger MODIFY SETTING non_replicated_deduplication_window = 100000;
ALTER TABLE lost MODIFY SETTING non_replicated_deduplication_window = 100000;
