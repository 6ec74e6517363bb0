//! One SQL text, two engines: statements are cut apart, and column types are named as the engine names them.

use crate::{
    Engine,
    scan::{Token, tokens},
};

/// The statements of a migration in the words of the engine, without comments around them.
pub(super) fn statements(sql: &str, engine: Engine) -> Vec<String> {
    let text = for_engine(sql, engine);
    let mut statements = Vec::new();
    let mut current = Vec::new();
    for token in tokens(&text) {
        match token {
            Token::Symbol(";") if !is_in_trigger(&current) => finish(&mut current, engine, &mut statements),
            Token::Space(_) | Token::Comment(_) if current.is_empty() => {}
            token => current.push(token),
        }
    }
    finish(&mut current, engine, &mut statements);
    statements
}

/// Whether a statement makes a trigger whose body is not over: its statements end in semicolons, too. PostgreSQL's triggers
/// have none.
fn is_in_trigger(statement: &[Token<'_>]) -> bool {
    let mut words = statement.iter().filter(|token| matches!(token, Token::Word(_)));
    let is_trigger = words.next().is_some_and(|word| word.is_word("CREATE"))
        && words.next().is_some_and(|word| word.is_word("TRIGGER"));
    is_trigger
        && words.any(|word| word.is_word("BEGIN"))
        && !words.next_back().is_some_and(|word| word.is_word("END"))
}

/// Uncovers the lines that are for this engine only.
fn for_engine(sql: &str, engine: Engine) -> String {
    let marker = match engine {
        Engine::Sqlite => "-- sqlite:",
        Engine::Postgres => "-- postgres:",
    };
    let lines: Vec<&str> =
        sql.lines().map(|line| line.trim_start().strip_prefix(marker).unwrap_or(line)).collect();
    lines.join("\n")
}

fn finish(current: &mut Vec<Token<'_>>, engine: Engine, statements: &mut Vec<String>) {
    let tokens = std::mem::take(current);
    if tokens.is_empty() {
        return;
    }
    statements.push(match engine {
        Engine::Postgres => tokens.iter().map(|token| token.text()).collect(),
        Engine::Sqlite => for_sqlite(&tokens),
    });
}

fn for_sqlite(tokens: &[Token<'_>]) -> String {
    let words: Vec<(usize, Token<'_>)> = tokens
        .iter()
        .copied()
        .enumerate()
        .filter(|(_, token)| !matches!(token, Token::Space(_) | Token::Comment(_)))
        .collect();
    let word = |at: usize, keyword: &str| words.get(at).is_some_and(|(_, token)| token.is_word(keyword));
    let is_table = word(0, "CREATE") && word(1, "TABLE");
    let types = if is_table {
        types_of_columns(&words)
    } else if word(0, "ALTER") && word(1, "TABLE") {
        types_of_added_columns(&words)
    } else {
        Vec::new()
    };
    let mut text: String = tokens
        .iter()
        .enumerate()
        .map(|(at, token)| if types.contains(&at) { type_of_sqlite(token.text()) } else { token.text() })
        .collect();
    text.truncate(text.trim_end().len());
    if is_table && !words.last().is_some_and(|(_, token)| token.is_word("STRICT")) {
        text.push_str(" STRICT");
    }
    text
}

/// Where the types stand in `CREATE TABLE name (column type …, …)`: second in each item of the outer list.
fn types_of_columns(words: &[(usize, Token<'_>)]) -> Vec<usize> {
    let mut types = Vec::new();
    let (mut depth, mut place) = (0, 0);
    for (at, token) in words {
        match token.text() {
            "(" => {
                depth += 1;
                place = 0;
            }
            ")" => depth -= 1,
            "," if depth == 1 => place = 0,
            _ => {
                place += 1;
                if depth == 1 && place == 2 {
                    types.push(*at);
                }
            }
        }
    }
    types
}

/// Where the types stand in `ALTER TABLE name ADD COLUMN column type …`.
fn types_of_added_columns(words: &[(usize, Token<'_>)]) -> Vec<usize> {
    let added = words.iter().position(|(_, token)| token.is_word("COLUMN"));
    added.and_then(|at| words.get(at + 2)).map(|(at, _)| *at).into_iter().collect()
}

/// SQLite's word for a type. An unknown one is left, so that a strict table refuses it.
fn type_of_sqlite(name: &str) -> &str {
    match name.to_ascii_lowercase().as_str() {
        "text" | "uuid" | "timestamptz" | "json" | "jsonb" => "TEXT",
        "bigint" | "integer" | "boolean" => "INTEGER",
        "bytea" => "BLOB",
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_types_of_columns_are_replaced() {
        let sql = "CREATE TABLE t (\n  uuid uuid NOT NULL, -- a; comment\n  json json DEFAULT '{;}',\n  n bigint CHECK (n IN (1, 2)),\n  \
                   CONSTRAINT t_pkey PRIMARY KEY (uuid)\n);\n\nALTER TABLE t ADD COLUMN boolean boolean;";
        assert_eq!(
            statements(sql, Engine::Sqlite),
            [
                "CREATE TABLE t (\n  uuid TEXT NOT NULL, -- a; comment\n  json TEXT DEFAULT '{;}',\n  n INTEGER CHECK (n IN (1, 2)),\n  \
                 CONSTRAINT t_pkey PRIMARY KEY (uuid)\n) STRICT",
                "ALTER TABLE t ADD COLUMN boolean INTEGER",
            ]
        );
    }

    #[test]
    fn a_trigger_ends_where_its_body_ends() {
        let sql = "-- sqlite: CREATE TRIGGER t_a AFTER INSERT ON t BEGIN UPDATE t SET a = 1; DELETE FROM u; END;\nSELECT 1;";
        let postgres = "-- postgres: CREATE TRIGGER t_a BEFORE DELETE ON t FOR EACH ROW EXECUTE FUNCTION f();\nSELECT 1;";
        assert_eq!(statements(postgres, Engine::Postgres).len(), 2);
        let trigger = "CREATE TRIGGER t_a AFTER INSERT ON t BEGIN UPDATE t SET a = 1; DELETE FROM u; END";
        assert_eq!(statements(sql, Engine::Sqlite), [trigger, "SELECT 1"]);
        assert_eq!(statements(sql, Engine::Postgres), ["SELECT 1"]);
    }

    #[test]
    fn marked_lines_are_for_one_engine() {
        let sql =
            "-- postgres: CREATE EXTENSION citext;\n-- sqlite: ANALYZE;\nSELECT $$ a; b $$, 'c; d', $1;";
        assert_eq!(
            statements(sql, Engine::Postgres),
            ["CREATE EXTENSION citext", "SELECT $$ a; b $$, 'c; d', $1"]
        );
        assert_eq!(statements(sql, Engine::Sqlite), ["ANALYZE", "SELECT $$ a; b $$, 'c; d', $1"]);
    }
}
