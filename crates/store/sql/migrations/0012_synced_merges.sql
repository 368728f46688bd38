-- What is merged is on the disk before what it was made of goes. The embedded engine removes that at once, a server after eight
-- minutes, and neither syncs a merge by itself: after a power cut a merged part could be empty and its sources gone. In tables
-- whose inserts are synced; the others are of the last hours, and made anew.
ALTER TABLE counts MODIFY SETTING min_rows_to_fsync_after_merge = 1;
ALTER TABLE ledger MODIFY SETTING min_rows_to_fsync_after_merge = 1;
ALTER TABLE imports MODIFY SETTING min_rows_to_fsync_after_merge = 1;
ALTER TABLE closings MODIFY SETTING min_rows_to_fsync_after_merge = 1;
ALTER TABLE lost MODIFY SETTING min_rows_to_fsync_after_merge = 1;
