-- A seat that is given back is deleted: nobody ever looks at it again, and who holds a key could fill the disk with them.
DELETE FROM license_key_activations WHERE deleted_at IS NOT NULL;
