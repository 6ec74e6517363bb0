-- A seat that is given back is deleted: nobody ever looks at it again, and who holds a key could fill the disk with them.
DELETE FROM license_key_activations WHERE deleted_at IS NOT NULL;

-- What is compared and sorted in any letter case has its lower case in a column of its own. On SQLite it is kept by triggers:
-- its own `lower` folds ASCII only, so that an index over an expression with ours would seem damaged to every other program.

-- postgres: ALTER TABLE users ADD COLUMN email_lower text GENERATED ALWAYS AS (lower(email)) STORED;
-- sqlite: ALTER TABLE users ADD COLUMN email_lower text;
-- sqlite: UPDATE users SET email_lower = lower(email);
-- sqlite: CREATE TRIGGER users_email_lower_new AFTER INSERT ON users BEGIN UPDATE users SET email_lower = lower(NEW.email) WHERE id = NEW.id; END;
-- sqlite: CREATE TRIGGER users_email_lower_changed AFTER UPDATE OF email ON users BEGIN UPDATE users SET email_lower = lower(NEW.email) WHERE id = NEW.id; END;

-- postgres: ALTER TABLE customers ADD COLUMN email_lower text GENERATED ALWAYS AS (lower(email)) STORED;
-- sqlite: ALTER TABLE customers ADD COLUMN email_lower text;
-- sqlite: UPDATE customers SET email_lower = lower(email);
-- sqlite: CREATE TRIGGER customers_email_lower_new AFTER INSERT ON customers BEGIN UPDATE customers SET email_lower = lower(NEW.email) WHERE id = NEW.id; END;
-- sqlite: CREATE TRIGGER customers_email_lower_changed AFTER UPDATE OF email ON customers BEGIN UPDATE customers SET email_lower = lower(NEW.email) WHERE id = NEW.id; END;

-- postgres: ALTER TABLE customers ADD COLUMN name_lower text GENERATED ALWAYS AS (lower(name)) STORED;
-- sqlite: ALTER TABLE customers ADD COLUMN name_lower text;
-- sqlite: UPDATE customers SET name_lower = lower(name);
-- sqlite: CREATE TRIGGER customers_name_lower_new AFTER INSERT ON customers BEGIN UPDATE customers SET name_lower = lower(NEW.name) WHERE id = NEW.id; END;
-- sqlite: CREATE TRIGGER customers_name_lower_changed AFTER UPDATE OF name ON customers BEGIN UPDATE customers SET name_lower = lower(NEW.name) WHERE id = NEW.id; END;

-- postgres: ALTER TABLE products ADD COLUMN name_lower text GENERATED ALWAYS AS (lower(name)) STORED;
-- sqlite: ALTER TABLE products ADD COLUMN name_lower text;
-- sqlite: UPDATE products SET name_lower = lower(name);
-- sqlite: CREATE TRIGGER products_name_lower_new AFTER INSERT ON products BEGIN UPDATE products SET name_lower = lower(NEW.name) WHERE id = NEW.id; END;
-- sqlite: CREATE TRIGGER products_name_lower_changed AFTER UPDATE OF name ON products BEGIN UPDATE products SET name_lower = lower(NEW.name) WHERE id = NEW.id; END;

-- postgres: ALTER TABLE discounts ADD COLUMN name_lower text GENERATED ALWAYS AS (lower(name)) STORED;
-- sqlite: ALTER TABLE discounts ADD COLUMN name_lower text;
-- sqlite: UPDATE discounts SET name_lower = lower(name);
-- sqlite: CREATE TRIGGER discounts_name_lower_new AFTER INSERT ON discounts BEGIN UPDATE discounts SET name_lower = lower(NEW.name) WHERE id = NEW.id; END;
-- sqlite: CREATE TRIGGER discounts_name_lower_changed AFTER UPDATE OF name ON discounts BEGIN UPDATE discounts SET name_lower = lower(NEW.name) WHERE id = NEW.id; END;

-- postgres: ALTER TABLE discounts ADD COLUMN code_lower text GENERATED ALWAYS AS (lower(code)) STORED;
-- sqlite: ALTER TABLE discounts ADD COLUMN code_lower text;
-- sqlite: UPDATE discounts SET code_lower = lower(code);
-- sqlite: CREATE TRIGGER discounts_code_lower_new AFTER INSERT ON discounts BEGIN UPDATE discounts SET code_lower = lower(NEW.code) WHERE id = NEW.id; END;
-- sqlite: CREATE TRIGGER discounts_code_lower_changed AFTER UPDATE OF code ON discounts BEGIN UPDATE discounts SET code_lower = lower(NEW.code) WHERE id = NEW.id; END;

-- postgres: ALTER TABLE custom_fields ADD COLUMN name_lower text GENERATED ALWAYS AS (lower(name)) STORED;
-- sqlite: ALTER TABLE custom_fields ADD COLUMN name_lower text;
-- sqlite: UPDATE custom_fields SET name_lower = lower(name);
-- sqlite: CREATE TRIGGER custom_fields_name_lower_new AFTER INSERT ON custom_fields BEGIN UPDATE custom_fields SET name_lower = lower(NEW.name) WHERE id = NEW.id; END;
-- sqlite: CREATE TRIGGER custom_fields_name_lower_changed AFTER UPDATE OF name ON custom_fields BEGIN UPDATE custom_fields SET name_lower = lower(NEW.name) WHERE id = NEW.id; END;

DROP INDEX users_email_key;
CREATE UNIQUE INDEX users_email_key ON users (email_lower) WHERE deleted_at IS NULL;
DROP INDEX customers_organization_id_email_key;
CREATE UNIQUE INDEX customers_organization_id_email_key ON customers (organization_id, email_lower) WHERE deleted_at IS NULL;
DROP INDEX customers_email_idx;
CREATE INDEX customers_email_idx ON customers (organization_id, email_lower, id) WHERE deleted_at IS NULL;
DROP INDEX customers_name_idx;
CREATE INDEX customers_name_idx ON customers (organization_id, name_lower, id) WHERE deleted_at IS NULL;
DROP INDEX products_name_idx;
CREATE INDEX products_name_idx ON products (organization_id, is_archived, is_recurring, name_lower, id) WHERE deleted_at IS NULL;
DROP INDEX discounts_name_idx;
CREATE INDEX discounts_name_idx ON discounts (organization_id, name_lower, id) WHERE deleted_at IS NULL;
DROP INDEX discounts_organization_id_code_key;
CREATE UNIQUE INDEX discounts_organization_id_code_key ON discounts (organization_id, code_lower) WHERE deleted_at IS NULL AND code IS NOT NULL;
DROP INDEX custom_fields_name_idx;
CREATE INDEX custom_fields_name_idx ON custom_fields (organization_id, name_lower, id) WHERE deleted_at IS NULL;
