-- A seat that is given back is deleted: nobody ever looks at it again, and who holds a key could fill the disk with them.
DELETE FROM license_key_activations WHERE deleted_at IS NOT NULL;

-- What is compared and sorted in any letter case has its lower case in a column of its own. On SQLite its own `lower` folds
-- ASCII only, so that an index over an expression with ours would seem damaged to every other program: whoever inserts
-- writes the column, and triggers do so for whoever does not, and when what it is made of changes: each for itself,
-- because another program would fold the other one, too.

DROP INDEX users_email_key;
-- postgres: ALTER TABLE users ADD COLUMN email_lower text GENERATED ALWAYS AS (lower(email)) STORED;
-- sqlite: ALTER TABLE users ADD COLUMN email_lower text;
-- sqlite: UPDATE users SET email_lower = lower(email);
-- sqlite: CREATE TRIGGER users_lower_new AFTER INSERT ON users WHEN NEW.email_lower IS NULL BEGIN UPDATE users SET email_lower = lower(NEW.email) WHERE id = NEW.id; END;
-- sqlite: CREATE TRIGGER users_email_lower_changed AFTER UPDATE OF email ON users WHEN NEW.email IS NOT OLD.email BEGIN UPDATE users SET email_lower = lower(NEW.email) WHERE id = NEW.id; END;
CREATE UNIQUE INDEX users_email_key ON users (email_lower) WHERE deleted_at IS NULL;

DROP INDEX customers_organization_id_email_key;
DROP INDEX customers_email_idx;
DROP INDEX customers_name_idx;
-- postgres: ALTER TABLE customers ADD COLUMN email_lower text GENERATED ALWAYS AS (lower(email)) STORED, ADD COLUMN name_lower text GENERATED ALWAYS AS (lower(name)) STORED;
-- sqlite: ALTER TABLE customers ADD COLUMN email_lower text;
-- sqlite: ALTER TABLE customers ADD COLUMN name_lower text;
-- sqlite: UPDATE customers SET email_lower = lower(email), name_lower = lower(name);
-- sqlite: CREATE TRIGGER customers_lower_new AFTER INSERT ON customers WHEN NEW.email_lower IS NULL BEGIN UPDATE customers SET email_lower = lower(NEW.email), name_lower = lower(NEW.name) WHERE id = NEW.id; END;
-- sqlite: CREATE TRIGGER customers_email_lower_changed AFTER UPDATE OF email ON customers WHEN NEW.email IS NOT OLD.email BEGIN UPDATE customers SET email_lower = lower(NEW.email) WHERE id = NEW.id; END;
-- sqlite: CREATE TRIGGER customers_name_lower_changed AFTER UPDATE OF name ON customers WHEN NEW.name IS NOT OLD.name BEGIN UPDATE customers SET name_lower = lower(NEW.name) WHERE id = NEW.id; END;
CREATE UNIQUE INDEX customers_organization_id_email_key ON customers (organization_id, email_lower) WHERE deleted_at IS NULL;
CREATE INDEX customers_email_idx ON customers (organization_id, email_lower, id) WHERE deleted_at IS NULL;
CREATE INDEX customers_name_idx ON customers (organization_id, name_lower, id) WHERE deleted_at IS NULL;

DROP INDEX products_name_idx;
-- postgres: ALTER TABLE products ADD COLUMN name_lower text GENERATED ALWAYS AS (lower(name)) STORED;
-- sqlite: ALTER TABLE products ADD COLUMN name_lower text;
-- sqlite: UPDATE products SET name_lower = lower(name);
-- sqlite: CREATE TRIGGER products_lower_new AFTER INSERT ON products WHEN NEW.name_lower IS NULL BEGIN UPDATE products SET name_lower = lower(NEW.name) WHERE id = NEW.id; END;
-- sqlite: CREATE TRIGGER products_name_lower_changed AFTER UPDATE OF name ON products WHEN NEW.name IS NOT OLD.name BEGIN UPDATE products SET name_lower = lower(NEW.name) WHERE id = NEW.id; END;
CREATE INDEX products_name_idx ON products (organization_id, is_archived, is_recurring, name_lower, id) WHERE deleted_at IS NULL;

DROP INDEX discounts_name_idx;
DROP INDEX discounts_organization_id_code_key;
-- postgres: ALTER TABLE discounts ADD COLUMN name_lower text GENERATED ALWAYS AS (lower(name)) STORED, ADD COLUMN code_lower text GENERATED ALWAYS AS (lower(code)) STORED;
-- sqlite: ALTER TABLE discounts ADD COLUMN name_lower text;
-- sqlite: ALTER TABLE discounts ADD COLUMN code_lower text;
-- sqlite: UPDATE discounts SET name_lower = lower(name), code_lower = lower(code);
-- sqlite: CREATE TRIGGER discounts_lower_new AFTER INSERT ON discounts WHEN NEW.name_lower IS NULL BEGIN UPDATE discounts SET name_lower = lower(NEW.name), code_lower = lower(NEW.code) WHERE id = NEW.id; END;
-- sqlite: CREATE TRIGGER discounts_name_lower_changed AFTER UPDATE OF name ON discounts WHEN NEW.name IS NOT OLD.name BEGIN UPDATE discounts SET name_lower = lower(NEW.name) WHERE id = NEW.id; END;
-- sqlite: CREATE TRIGGER discounts_code_lower_changed AFTER UPDATE OF code ON discounts WHEN NEW.code IS NOT OLD.code BEGIN UPDATE discounts SET code_lower = lower(NEW.code) WHERE id = NEW.id; END;
CREATE INDEX discounts_name_idx ON discounts (organization_id, name_lower, id) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX discounts_organization_id_code_key ON discounts (organization_id, code_lower) WHERE deleted_at IS NULL AND code IS NOT NULL;

DROP INDEX custom_fields_name_idx;
-- postgres: ALTER TABLE custom_fields ADD COLUMN name_lower text GENERATED ALWAYS AS (lower(name)) STORED;
-- sqlite: ALTER TABLE custom_fields ADD COLUMN name_lower text;
-- sqlite: UPDATE custom_fields SET name_lower = lower(name);
-- sqlite: CREATE TRIGGER custom_fields_lower_new AFTER INSERT ON custom_fields WHEN NEW.name_lower IS NULL BEGIN UPDATE custom_fields SET name_lower = lower(NEW.name) WHERE id = NEW.id; END;
-- sqlite: CREATE TRIGGER custom_fields_name_lower_changed AFTER UPDATE OF name ON custom_fields WHEN NEW.name IS NOT OLD.name BEGIN UPDATE custom_fields SET name_lower = lower(NEW.name) WHERE id = NEW.id; END;
CREATE INDEX custom_fields_name_idx ON custom_fields (organization_id, name_lower, id) WHERE deleted_at IS NULL;
