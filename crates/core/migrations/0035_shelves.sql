-- Kept answers stand on shelves that hold so many bytes, where the oldest give way. `shelf_end` counts the bytes that were ever
-- put on the shelf, with this answer's, since it was last empty. Neither is there for answers of older releases and for writes
-- that are being done.
ALTER TABLE idempotent_answers ADD COLUMN shelf uuid;
ALTER TABLE idempotent_answers ADD COLUMN shelf_end bigint;
CREATE INDEX idempotent_answers_shelf_idx ON idempotent_answers (shelf, shelf_end) WHERE shelf IS NOT NULL;
