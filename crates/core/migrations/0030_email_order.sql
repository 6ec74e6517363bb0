-- The unique index over the same columns gives the order by address as well.
DROP INDEX customers_email_idx;
